"""The contract of UnitOfWork, on every adapter."""

from tests.contracts.storages import InMemory, OnPostgres
from tests.contracts.unit_of_work import UnitOfWorkContract


class TestInMemory(InMemory, UnitOfWorkContract):
    """In memory."""


class TestOnPostgres(OnPostgres, UnitOfWorkContract):
    """On PostgreSQL."""
