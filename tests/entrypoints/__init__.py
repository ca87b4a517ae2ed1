"""Tests of the entrypoints against the contract."""
