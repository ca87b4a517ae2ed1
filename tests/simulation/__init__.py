"""Tests of the simulation: it finds bugs, it can be replayed, and the service keeps every promise in it."""
