"""The keepers of answers there are."""

import pytest

from adapters.persistence.in_memory import InMemoryDatabase, InMemoryIdempotencyStore
from adapters.persistence.sql.database import Database
from adapters.persistence.sql.idempotency_store import SqlIdempotencyStore
from application.ports.idempotency_store import IdempotencyStore
from tests.contracts.elapsing import Elapse, StandingClock, of_sql
from tests.contracts.idempotency_store import AnswersContract


class TestInMemory(AnswersContract):
    """The reference."""

    @pytest.fixture
    def clock(self) -> StandingClock:
        return StandingClock()

    @pytest.fixture
    def answers(self, clock: StandingClock) -> IdempotencyStore:
        return InMemoryIdempotencyStore(InMemoryDatabase(clock))

    @pytest.fixture
    def elapse(self, clock: StandingClock) -> Elapse:
        return clock.elapse


class TestSql(AnswersContract):
    """PostgreSQL."""

    @pytest.fixture
    def answers(self, sql: Database) -> IdempotencyStore:
        return SqlIdempotencyStore(sql)

    @pytest.fixture
    def elapse(self, sql: Database) -> Elapse:
        return of_sql(sql)
