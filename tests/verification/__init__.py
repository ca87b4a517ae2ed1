"""Tests of `payments export-history` and `payments verify-history`."""
