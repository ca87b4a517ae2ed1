"""What every counter of declines promises."""

import asyncio
from datetime import timedelta

import pytest

from application.ports.decline_counter import DeclineCounter
from tests.contracts.elapsing import Elapse

WINDOW = timedelta(minutes=10)
MOMENT = timedelta(seconds=1)


class DeclineCounterContract:
    """A subclass says where declines are counted, and how time goes by there."""

    @pytest.fixture
    def counter(self) -> DeclineCounter:
        raise NotImplementedError

    @pytest.fixture
    def elapse(self) -> Elapse:
        raise NotImplementedError

    async def test_who_was_never_declined_counts_nothing(self, counter: DeclineCounter) -> None:
        assert await counter.count(["user", "address"], WINDOW) == {"user": 0, "address": 0}
        assert await counter.count([], WINDOW) == {}

    async def test_each_source_is_counted_by_itself(self, counter: DeclineCounter) -> None:
        await counter.add(["user", "address"])
        await counter.add(["address"])
        await counter.add([])
        assert await counter.count(["user", "address", "other"], WINDOW) == {
            "user": 1,
            "address": 2,
            "other": 0,
        }

    async def test_what_is_added_at_once_is_all_counted(self, counter: DeclineCounter) -> None:
        await asyncio.gather(*(counter.add(["user"]) for _ in range(20)))
        assert await counter.count(["user"], WINDOW) == {"user": 20}

    async def test_what_is_older_than_the_window_is_not_counted(
        self, counter: DeclineCounter, elapse: Elapse
    ) -> None:
        await counter.add(["user"])
        await elapse(WINDOW - MOMENT)
        await counter.add(["user"])
        assert await counter.count(["user"], WINDOW) == {"user": 2}
        await elapse(MOMENT)
        assert await counter.count(["user"], WINDOW) == {"user": 1}
        assert await counter.count(["user"], 2 * WINDOW) == {"user": 2}
