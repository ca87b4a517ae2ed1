"""The contract of OutboxQueue, on every adapter."""

from tests.contracts.outbox_queue import OutboxQueueContract
from tests.contracts.storages import InMemory, OnPostgres


class TestInMemory(InMemory, OutboxQueueContract):
    """In memory."""


class TestOnPostgres(OnPostgres, OutboxQueueContract):
    """On PostgreSQL."""
