"""Reporting an alert never fails, and loses nothing that the process lives to write."""

import pytest

from application.ports.alerts import AlertKind
from application.ports.unit_of_work import StorageUnavailable
from application.throttled_alerts import ThrottledAlerts
from tests.contracts.alerts import Seconds
from tests.world import World

SKEW = AlertKind.CLOCK_SKEW


async def test_an_alert_is_logged_while_the_database_is_away_and_stored_when_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World(failing={"database"})
    await world.alerts.report(SKEW, "host-1", "10 s behind")
    await world.alerts.flush()
    [record] = [each for each in caplog.records if each.message == "needs attention"]
    logged = record.__dict__
    assert (logged["alert"], logged["subject"]) == ("clock_skew", "host-1")
    assert logged["reason"] == "10 s behind"
    world.failing.clear()
    await world.alerts.flush()
    (alert,) = await world.alerts.list_current()
    assert (alert.subject, alert.text, alert.count) == ("host-1", "10 s behind", 1)


@pytest.mark.parametrize("error", [TimeoutError(), StorageUnavailable("down"), ValueError("bug")])
async def test_a_report_raises_nothing_whatever_the_store_raises(error: Exception) -> None:
    class Broken:
        async def add(self, *_: object) -> None:
            raise error

        async def list_current(self) -> list[object]:
            raise error

    alerts = ThrottledAlerts(Broken(), Seconds())  # type: ignore[arg-type]
    await alerts.report(SKEW, "host-1", "10 s behind")
    await alerts.flush()
