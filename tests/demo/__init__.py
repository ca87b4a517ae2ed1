"""The demo: its orders side, its page, its tour, and that nothing is left of it."""
