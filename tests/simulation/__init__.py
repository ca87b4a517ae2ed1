"""The simulation finds bugs and can be replayed, and the service keeps every promise in it."""
