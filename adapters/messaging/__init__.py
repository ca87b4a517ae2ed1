"""The broker: in memory, or NATS JetStream."""
