"""What is stored about one user, in memory."""

from collections.abc import Mapping

from attrs import frozen

from adapters.persistence.in_memory.tables import InMemoryTables
from application.ports.personal_data import OrdersOfUser
from domain.forgetting import concerns
from domain.identifiers import OrderId, UserId


@frozen
class InMemoryPersonalData:
    """Finds and deletes what the tables have of one user."""

    _database: InMemoryTables

    async def find_orders(self, user_id: UserId, after: OrderId | None = None) -> OrdersOfUser:
        await self._database.checkpoint("find orders of user")
        found = sorted(
            order_id
            for order_id, (_, order) in self._database.orders.items()
            if concerns(order, user_id) and (after is None or order_id > after)
        )
        return OrdersOfUser(found, None)

    async def count_rows(self, user_id: UserId) -> Mapping[str, int]:
        await self._database.checkpoint("count rows of user")
        database = self._database
        return {
            "replies": sum(key.user_id == user_id for key in database.idempotency_keys),
            "declines": len(database.declines.get(f"user:{user_id}", ())),
        }

    async def delete_rows(self, user_id: UserId) -> Mapping[str, int]:
        counted = await self.count_rows(user_id)
        database = self._database
        for key in [key for key in database.idempotency_keys if key.user_id == user_id]:
            del database.idempotency_keys[key]
        database.declines.pop(f"user:{user_id}", None)
        return counted
