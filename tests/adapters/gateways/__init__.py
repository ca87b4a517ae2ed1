"""Tests of each gateway beyond the contracts that all gateways share."""
