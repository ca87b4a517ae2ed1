"""How often cards were declined recently, over all processes: a sign of card testing."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Protocol


class DeclineCounter(Protocol):
    """Counts declines by source: a user or an address.

    Promises, checked by tests/contracts/decline_counter.py on every adapter: declines added by
    one process are counted by the others; declines older than the window are not counted.
    """

    async def count(self, sources: Collection[str], window: timedelta) -> Mapping[str, int]:
        """Return the declines of each source within the window; 0 for an unknown source."""

    async def add(self, sources: Collection[str]) -> None:
        """Add one decline for each source."""
