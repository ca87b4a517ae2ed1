"""The contract of InboundEvents, on every adapter."""

from tests.contracts.brokers import InMemory, OnJetStream
from tests.contracts.inbound_events import InboundEventsContract


class TestInMemory(InMemory, InboundEventsContract):
    """In memory."""


class TestOnJetStream(OnJetStream, InboundEventsContract):
    """On a real NATS server."""
