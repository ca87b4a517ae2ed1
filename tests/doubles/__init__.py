"""Tests of the gateway doubles."""
