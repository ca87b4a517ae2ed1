"""Tests of the PayPal double."""
