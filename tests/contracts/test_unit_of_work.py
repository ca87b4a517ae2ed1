"""The units of work there are."""

import pytest

from adapters.persistence.in_memory import InMemoryDatabase, InMemoryOutboxQueue
from adapters.persistence.sql.database import Database
from adapters.persistence.sql.outbox_queue import SqlOutboxQueue
from adapters.persistence.sql.unit_of_work import SqlUnitOfWork
from application.ports.event_publisher import OutboxQueue
from application.ports.unit_of_work import BeginUnitOfWork
from tests.builders import NOW
from tests.contracts.unit_of_work import TRACE, UnitOfWorkContract


class TestInMemory(UnitOfWorkContract):
    """The reference."""

    @pytest.fixture
    def database(self) -> InMemoryDatabase:
        return InMemoryDatabase(lambda: NOW)

    @pytest.fixture
    def begin(self, database: InMemoryDatabase) -> BeginUnitOfWork:
        return lambda: database.begin(lambda: TRACE)

    @pytest.fixture
    def queue(self, database: InMemoryDatabase) -> OutboxQueue:
        return InMemoryOutboxQueue(database)


class TestSql(UnitOfWorkContract):
    """PostgreSQL."""

    @pytest.fixture
    def begin(self, sql: Database) -> BeginUnitOfWork:
        return lambda: SqlUnitOfWork(sql, lambda: TRACE)

    @pytest.fixture
    def queue(self, sql: Database) -> OutboxQueue:
        return SqlOutboxQueue(sql)
