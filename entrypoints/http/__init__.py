"""The HTTP service: decode, call a use case, encode."""
