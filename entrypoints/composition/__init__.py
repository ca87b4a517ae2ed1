"""Compose each process from the settings; only this package names adapters."""
