"""Maintenance: when a loop goes on at once, and when it pauses."""

from attrs import define

from domain.history_tree import HistoryRoot
from entrypoints.worker.maintenance import RootLog
from tests.builders import NOW


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
