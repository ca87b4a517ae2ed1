"""The outbox queues there are."""

import pytest

from adapters.persistence.in_memory import InMemoryDatabase, InMemoryOutboxQueue
from adapters.persistence.sql.database import Database
from adapters.persistence.sql.outbox_queue import SqlOutboxQueue
from adapters.persistence.sql.unit_of_work import SqlUnitOfWork
from application.ports.event_publisher import OutboxQueue
from application.ports.unit_of_work import BeginUnitOfWork
from tests.contracts.elapsing import Elapse, StandingClock, of_sql
from tests.contracts.outbox_queue import OutboxQueueContract


class TestInMemory(OutboxQueueContract):
    """The reference."""

    @pytest.fixture
    def clock(self) -> StandingClock:
        return StandingClock()

    @pytest.fixture
    def database(self, clock: StandingClock) -> InMemoryDatabase:
        return InMemoryDatabase(clock)

    @pytest.fixture
    def begin(self, database: InMemoryDatabase) -> BeginUnitOfWork:
        return database.begin

    @pytest.fixture
    def queue(self, database: InMemoryDatabase) -> OutboxQueue:
        return InMemoryOutboxQueue(database)

    @pytest.fixture
    def elapse(self, clock: StandingClock) -> Elapse:
        return clock.elapse


class TestSql(OutboxQueueContract):
    """PostgreSQL."""

    @pytest.fixture
    def begin(self, sql: Database) -> BeginUnitOfWork:
        return lambda: SqlUnitOfWork(sql)

    @pytest.fixture
    def queue(self, sql: Database) -> OutboxQueue:
        return SqlOutboxQueue(sql)

    @pytest.fixture
    def elapse(self, sql: Database) -> Elapse:
        return of_sql(sql)
