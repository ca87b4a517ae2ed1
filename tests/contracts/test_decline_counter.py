"""The contract of DeclineCounter, on every adapter."""

from tests.contracts.decline_counter import DeclineCounterContract
from tests.contracts.storages import InMemory, OnPostgres


class TestInMemory(InMemory, DeclineCounterContract):
    """In memory."""


class TestOnPostgres(OnPostgres, DeclineCounterContract):
    """On PostgreSQL."""
