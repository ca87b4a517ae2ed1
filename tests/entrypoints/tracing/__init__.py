"""Spans: which there are, how they belong together, and what is not in them."""
