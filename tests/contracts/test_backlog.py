"""The contract of BacklogReader, on every adapter."""

from tests.contracts.backlog import BacklogReaderContract
from tests.contracts.storages import InMemory, OnPostgres


class TestInMemory(InMemory, BacklogReaderContract):
    """In memory."""


class TestOnPostgres(OnPostgres, BacklogReaderContract):
    """On PostgreSQL."""
