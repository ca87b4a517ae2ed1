"""The contract of IdempotencyStore, on every adapter."""

from tests.contracts.idempotency_store import IdempotencyStoreContract
from tests.contracts.storages import InMemory, OnPostgres


class TestInMemory(InMemory, IdempotencyStoreContract):
    """In memory."""


class TestOnPostgres(OnPostgres, IdempotencyStoreContract):
    """On PostgreSQL."""
