"""How often cards were declined lately, counted over all replicas: the mark of card testing."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Protocol


class DeclineCounter(Protocol):
    """Counts declines by source: a user, or an address.

    Promises, checked by tests/contracts/decline_counter.py on every adapter: what one replica adds
    the others count; what is older than the window is not counted.
    """

    async def count(self, sources: Collection[str], window: timedelta) -> Mapping[str, int]:
        """How many declines each source had within the window; 0 for one never seen."""

    async def add(self, sources: Collection[str]) -> None:
        """One more decline for each of these."""
