"""The worker: loops, and the intake of events."""
