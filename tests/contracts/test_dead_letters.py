"""The contract of DeadLetters, on every adapter."""

from tests.contracts.brokers import InMemory, OnJetStream
from tests.contracts.dead_letters import DeadLettersContract


class TestInMemory(InMemory, DeadLettersContract):
    """In memory."""


class TestOnJetStream(OnJetStream, DeadLettersContract):
    """On a real NATS server."""
