"""The keepers of answers there are."""

import pytest

from adapters.persistence.in_memory import InMemoryAnswers, InMemoryDatabase
from adapters.persistence.sql.answers import SqlAnswers
from adapters.persistence.sql.database import Database
from application.ports.answers import Answers
from tests.contracts.answers import AnswersContract
from tests.contracts.elapsing import Elapse, StandingClock, of_sql


class TestInMemory(AnswersContract):
    """The reference."""

    @pytest.fixture
    def clock(self) -> StandingClock:
        return StandingClock()

    @pytest.fixture
    def answers(self, clock: StandingClock) -> Answers:
        return InMemoryAnswers(InMemoryDatabase(clock))

    @pytest.fixture
    def elapse(self, clock: StandingClock) -> Elapse:
        return clock.elapse


class TestSql(AnswersContract):
    """PostgreSQL."""

    @pytest.fixture
    def answers(self, sql: Database) -> Answers:
        return SqlAnswers(sql)

    @pytest.fixture
    def elapse(self, sql: Database) -> Elapse:
        return of_sql(sql)
