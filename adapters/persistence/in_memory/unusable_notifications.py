"""Unusable notifications in memory."""

from collections.abc import Collection, Sequence

from attrs import evolve, frozen

from adapters.persistence.in_memory.tables import InMemoryTables
from application.ports.unusable_notifications import MAX_REASON, KeptNotification


@frozen
class InMemoryUnusableNotifications:
    """Unusable notifications by number."""

    _database: InMemoryTables

    async def keep(self, gateway: str, notification_id: str, reason: str, body: bytes) -> None:
        await self._database.checkpoint("keep notification")
        kept = self._database.unusable_notifications
        for each in kept.values():
            if (each.gateway, each.notification_id) == (gateway, notification_id):
                kept[each.id] = evolve(each, reason=reason[:MAX_REASON])
                return
        number = max(kept, default=0) + 1
        now = self._database.now()
        kept[number] = KeptNotification(
            number, gateway, notification_id, now, reason[:MAX_REASON], body, attempts=0
        )

    async def list(self, limit: int, after: int = 0) -> Sequence[KeptNotification]:
        await self._database.checkpoint("list notifications")
        kept = sorted(self._database.unusable_notifications.items())
        return [each for number, each in kept if number > after][:limit]

    async def show(self, number: int) -> KeptNotification | None:
        await self._database.checkpoint("show notification")
        return self._database.unusable_notifications.get(number)

    async def record_attempt(self, number: int, reason: str) -> None:
        await self._database.checkpoint("record attempt")
        kept = self._database.unusable_notifications
        if (each := kept.get(number)) is not None:
            kept[number] = evolve(each, reason=reason[:MAX_REASON], attempts=each.attempts + 1)

    async def remove(self, numbers: Collection[int]) -> int:
        await self._database.checkpoint("remove notifications")
        kept = self._database.unusable_notifications
        return sum(kept.pop(number, None) is not None for number in numbers)
