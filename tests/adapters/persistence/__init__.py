"""Tests of behaviour that the ports do not promise but the adapters have."""
