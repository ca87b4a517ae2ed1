"""Tests of the whole service as real processes, through its public interfaces only."""
