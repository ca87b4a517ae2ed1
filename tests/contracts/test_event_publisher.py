"""The contract of EventPublisher, on every adapter."""

from tests.contracts.brokers import InMemory, OnJetStream
from tests.contracts.event_publisher import EventPublisherContract


class TestInMemory(InMemory, EventPublisherContract):
    """In memory."""


class TestOnJetStream(OnJetStream, EventPublisherContract):
    """On a real NATS server."""
