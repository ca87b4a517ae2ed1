"""How often cards were declined recently, over all processes: a sign of card testing."""

from collections.abc import Collection
from typing import Protocol


class DeclineCounter(Protocol):
    """Records declines by source: a user or an address.

    Promise, checked by tests/contracts/decline_counter.py on every adapter: `read_charge` of a
    unit of work counts the declines of all processes, and none that is older than its window.
    """

    async def add(self, sources: Collection[str]) -> None:
        """Add one decline for each source."""
