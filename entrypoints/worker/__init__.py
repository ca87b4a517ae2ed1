"""The worker: loops that run the use cases, and the decoding of order events."""
