"""The promises of every port, as tests that run on each of its adapters."""
