"""Standby: a copy of the database that lags behind; its promotion loses the last transactions."""

from collections import deque
from typing import Final

from attrs import define, field

from adapters.persistence.in_memory import InMemoryDatabase
from adapters.persistence.in_memory.tables import Backup

MAX_LOST: Final = 12
"""The most commits that a promotion loses: a payment with its refund has about six."""


@define
class Standby:
    """Receives each commit of the database, some later than others."""

    _database: InMemoryDatabase
    _copies: deque[Backup] = field(factory=lambda: deque(maxlen=MAX_LOST))
    """The database before each of its last commits."""

    def follow(self) -> None:
        """Remember the database as it is before a commit."""
        self._copies.append(self._database.back_up())

    def promote(self, lost: int) -> None:
        """Continue on the standby, which has not received the last `lost` commits."""
        kept = None
        for _ in range(min(lost, len(self._copies))):
            kept = self._copies.pop()
        if kept is not None:
            self._database.restore(kept)
