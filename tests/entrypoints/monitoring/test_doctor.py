"""The doctor's results: one line for each check."""

from collections.abc import Sequence

import pytest
from attrs import evolve, frozen

from application.ports.backlog import Backlog
from application.ports.unit_of_work import StorageUnavailable
from entrypoints.monitoring.doctor import CheckResult, Doctor
from tests.entrypoints.monitoring.test_backlog import BUSY
from tests.world import World


@frozen
class Dependencies:
    """The database and the broker as the doctor sees them."""

    problems: Sequence[str] = ()
    backlog: Backlog = BUSY
    server: str = "15.4"
    revision: str | None = "0007"
    is_down: bool = False

    async def check_database(self) -> "Dependencies":
        if self.is_down:
            raise StorageUnavailable("down")
        return self

    async def read(self) -> Backlog:
        return self.backlog

    async def check_broker(self) -> Sequence[CheckResult]:
        return [CheckResult("", True, "connected")]


HEALTHY = ("database", True, "PostgreSQL 15.4, schema 0007")
PARKED = ("backlog", False, "1 events could not be published and are parked")


@pytest.mark.parametrize(
    ("dependencies", "expected"),
    [
        (Dependencies(), [HEALTHY]),
        (
            Dependencies(["old", "empty"]),
            [("database", False, "old"), ("database", False, "empty")],
        ),
        (Dependencies(is_down=True), [("database", False, "down")]),
        (Dependencies(backlog=evolve(BUSY, events_parked=1)), [HEALTHY, PARKED]),
    ],
    ids=["healthy", "problems", "unreachable", "alert"],
)
async def test_each_check_and_each_problem_is_one_result(
    dependencies: Dependencies, expected: list[tuple[str, bool, str]]
) -> None:
    it = dependencies
    doctor = Doctor(it.check_database, it, it.check_broker, World().gateway, "fake")
    results = [(each.name, each.ok, each.text) for each in await doctor.check()]
    assert results == [*expected, ("nats", True, "connected"), ("gateway", True, "fake is ready")]
