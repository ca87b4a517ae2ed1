"""Tests of the orders-side guard and its contract suite."""
