"""Tests of the simulation: it can fail, it can be replayed, and every promise is kept in it."""
