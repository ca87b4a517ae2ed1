"""Tests of what the ports do not promise but the adapters do."""
