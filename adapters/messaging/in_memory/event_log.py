"""The stored messages of the broker in memory."""

from collections.abc import AsyncIterator, Collection
from datetime import UTC, datetime

from attrs import frozen

from adapters.messaging.in_memory.broker import InMemoryBroker
from application.ports.event_log import StoredEvent


@frozen
class InMemoryEventLog:
    """Reads the broker's log."""

    _broker: InMemoryBroker

    async def complete_since(self, subjects: Collection[str]) -> datetime:
        return datetime.min.replace(tzinfo=UTC)

    async def read(
        self, subjects: Collection[str], since: datetime, until: datetime
    ) -> AsyncIterator[StoredEvent]:
        for stored in self._broker.log:
            message = stored.message
            if message.subject in subjects and since <= stored.stored_at < until:
                yield StoredEvent(message.subject, message.data, message.headers, stored.stored_at)
