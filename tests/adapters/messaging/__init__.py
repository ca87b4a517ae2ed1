"""Tests of the messaging adapters beyond the contracts of their ports."""
