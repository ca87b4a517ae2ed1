"""A real PostgreSQL and a real NATS server on this machine, for the demo and the tests."""
