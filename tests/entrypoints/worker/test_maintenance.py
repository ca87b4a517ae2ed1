"""Maintenance: when a loop goes on at once, and when it pauses."""

import asyncio
from datetime import timedelta
from typing import Final

from attrs import define

from adapters.persistence.in_memory import InMemoryBacklogReader, InMemoryHistoryRoots
from domain.history_tree import HistoryRoot
from entrypoints.worker.maintenance import AlertLog, Retention, RootLog, maintenance_loops
from tests.builders import NOW
from tests.world import World

DAY: Final = timedelta(days=1)


@define
class Roots:
    """A database with more changed orders than one root takes in at a time."""

    left: int

    async def record(self) -> HistoryRoot | None:
        if self.left == 0:
            return None
        self.left -= 1
        return HistoryRoot(1, NOW, "00", 5, is_complete=self.left == 0)


async def test_the_next_root_follows_at_once_until_one_has_every_order() -> None:
    log = RootLog(Roots(3))  # type: ignore[arg-type]
    assert [await log.run_once() for _ in range(4)] == [1, 1, 0, 0]


def test_what_is_promised_for_each_minute_is_done_each_minute() -> None:
    """The root of docs/audit.md and the alerts; rows of days ago are deleted less often."""
    world = World()
    retention = Retention(world.idempotency_store, lambda: asyncio.sleep(0, result=0), DAY)
    alerts = AlertLog(InMemoryBacklogReader(world.database), world.alerts)
    roots = RootLog(InMemoryHistoryRoots(world.database))
    loops = maintenance_loops(retention, alerts, roots)
    pauses = {loop.run_once: loop.idle_seconds for loop in loops}
    assert pauses == {roots.run_once: 60, alerts.run_once: 60, retention.run_once: 3600}
