"""The counters of declines there are."""

import pytest

from adapters.persistence.in_memory import InMemoryDatabase, InMemoryDeclineCounter
from adapters.persistence.sql.database import Database
from adapters.persistence.sql.decline_counter import SqlDeclineCounter
from application.ports.decline_counter import DeclineCounter
from tests.contracts.decline_counter import DeclineCounterContract
from tests.contracts.elapsing import Elapse, StandingClock, of_sql


class TestInMemory(DeclineCounterContract):
    """The reference."""

    @pytest.fixture
    def clock(self) -> StandingClock:
        return StandingClock()

    @pytest.fixture
    def counter(self, clock: StandingClock) -> DeclineCounter:
        return InMemoryDeclineCounter(InMemoryDatabase(clock))

    @pytest.fixture
    def elapse(self, clock: StandingClock) -> Elapse:
        return clock.elapse


class TestSql(DeclineCounterContract):
    """PostgreSQL."""

    @pytest.fixture
    def counter(self, sql: Database) -> DeclineCounter:
        return SqlDeclineCounter(sql)

    @pytest.fixture
    def elapse(self, sql: Database) -> Elapse:
        return of_sql(sql)
