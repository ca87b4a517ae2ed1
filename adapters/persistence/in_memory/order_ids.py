"""The orders of refunds and disputes, in memory."""

from attrs import frozen

from adapters.persistence.in_memory.tables import InMemoryTables
from domain.identifiers import OrderId


@frozen
class InMemoryOrderIds:
    """Looks through all orders."""

    _database: InMemoryTables

    async def of_refund_or_dispute(self, any_id: str) -> OrderId | None:
        await self._database.checkpoint("find an order by the id of a refund or a dispute")
        for order_id, (_, order) in self._database.orders.items():
            ids = (*(each.id for each in order.refunds), *(each.id for each in order.disputes))
            if any_id in ids:
                return order_id
        return None
