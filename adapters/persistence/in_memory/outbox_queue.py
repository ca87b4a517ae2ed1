"""The outbox queue in memory."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Self

from attrs import evolve, field, frozen

from adapters.persistence.in_memory.tables import InMemoryTables
from application.ports.event_publisher import OutboxEntry
from domain.events import EventId


@frozen
class InMemoryOutboxQueue:
    """The unsent part of the outbox, in the order of the commits."""

    _database: InMemoryTables

    async def take(self, relay: str, lease: timedelta, limit: int) -> Sequence[OutboxEntry]:
        database = self._database
        await database.checkpoint("take from outbox")
        now = database.now()
        if database.relay_lease is not None:
            holder, lease_ends = database.relay_lease
            if holder != relay and lease_ends > now:
                return []
        database.relay_lease = (relay, now + lease)
        waiting = [
            each.entry for each in database.outbox.values() if not each.sent and each.parked is None
        ]
        return waiting[:limit]

    async def mark_sent(self, events: Collection[EventId]) -> None:
        await self._database.checkpoint("mark sent")
        for event_id in self._database.outbox.keys() & set(events):
            record = self._database.outbox[event_id]
            self._database.outbox[event_id] = evolve(record, sent=True)

    async def park(self, rejected: Mapping[EventId, str]) -> None:
        await self._database.checkpoint("park")
        for event_id in self._database.outbox.keys() & rejected.keys():
            record = self._database.outbox[event_id]
            self._database.outbox[event_id] = evolve(record, parked=rejected[event_id])


@frozen
class InMemoryOutboxSignal:
    """Is given by every commit that adds events, also those of other processes."""

    _signal: asyncio.Event = field(factory=asyncio.Event)

    @classmethod
    def on(cls, database: InMemoryTables) -> Self:
        """Return the signal of one relay."""
        signal = cls()
        database.signals.append(signal._signal)
        return signal

    async def wait(self) -> None:
        await self._signal.wait()
        self._signal.clear()
