"""What every port promises, as tests that run on each of its adapters."""
