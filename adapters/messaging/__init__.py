"""The message broker: in memory, or NATS JetStream."""
