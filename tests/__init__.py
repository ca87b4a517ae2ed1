"""Holds the service to its promises."""
