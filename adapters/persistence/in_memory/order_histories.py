"""The histories of orders in memory."""

from collections.abc import Sequence
from datetime import datetime

from attrs import frozen

from adapters.persistence.in_memory.tables import InMemoryTables
from application.ports.order_histories import PAGE
from domain.history import HistoryEntry
from domain.identifiers import OrderId


@frozen
class InMemoryOrderHistories:
    """Reads the tables of an in-memory database."""

    _database: InMemoryTables

    async def read(
        self, order_id: OrderId, after: int = 0, limit: int = PAGE
    ) -> Sequence[HistoryEntry]:
        await self._database.checkpoint("read history")
        entries = self._database.histories.get(order_id, ())
        return [each for each in entries if each.seq > after][:limit]

    async def changed(
        self, since: datetime, until: datetime, after: str = "", limit: int = PAGE
    ) -> Sequence[OrderId]:
        await self._database.checkpoint("read history")
        return sorted(
            order_id
            for order_id, entries in self._database.histories.items()
            if order_id > after and any(since <= each.at < until for each in entries)
        )[:limit]
