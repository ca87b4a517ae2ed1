"""The histories of orders, as the unit of work has written them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Protocol

from domain.history import HistoryEntry
from domain.identifiers import OrderId

PAGE: Final = 500
"""How many entries are read at once; each has about 500 bytes, and most orders have fewer than
ten."""


class OrderHistories(Protocol):
    """Read what each commit has appended.

    Promises, checked by tests/contracts/order_histories.py on every adapter:

    - Each commit that changes an order appends what `domain.history.record` says about it; one that
      changes nothing, or is not made, appends nothing.
    - The entries of an order are a chain: their numbers begin with 1 and have no gap, and each has
      the hash of the one before it, also if several processes change the order at the same time.
    - An entry is never changed.
    - The orders that have changed in a time are read page by page: each once, and in pages that do
      not become more expensive.
    """

    async def read(
        self, order_id: OrderId, after: int = 0, limit: int = PAGE
    ) -> Sequence[HistoryEntry]:
        """Return the entries with a higher number than `after`, the oldest first.

        They are as they are stored: whether they are a chain is for the reader to check.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """

    async def changed(
        self, since: datetime, until: datetime, after: str = "", limit: int = PAGE
    ) -> Sequence[OrderId]:
        """Return orders with an entry of this time, without its end, that come after `after`.

        Their order is always the same, and "" comes before all.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
