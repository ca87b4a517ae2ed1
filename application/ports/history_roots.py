"""The roots over all histories."""

from collections.abc import Sequence
from typing import Final, Protocol

from domain.history_tree import HistoryProof, HistoryRoot
from domain.identifiers import OrderId

RECORDED_AT_ONCE: Final = 10_000
"""How many entries one root takes in at most, which takes about half a second; if there are more,
the next root follows at once."""


class HistoryRoots(Protocol):
    """Record what is committed to the histories as one hash, and prove that an order is in it.

    Promises, checked by tests/contracts/history_roots.py on every adapter:

    - A root contains where each history ended, for all that was committed before it was begun,
      unless there was too much: then the next one does.
    - What a root contains is not forgotten, even if entries are.
    - Any number of processes may record at the same time; none of them waits for another, and no
      commit waits for any of them.
    """

    async def record(self) -> HistoryRoot | None:
        """Record a root; None if there is no history, or another process is recording one.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """

    async def newest(self, limit: int) -> Sequence[HistoryRoot]:
        """Return the newest roots, the newest first.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """

    async def prove(self, order_id: OrderId) -> HistoryProof | None:
        """Return the proof that the newest root contains an order; None if it does not.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
