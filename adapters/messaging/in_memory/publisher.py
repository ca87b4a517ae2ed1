"""The publisher of events to the broker in memory."""

from collections.abc import Sequence

from attrs import frozen

from adapters.messaging.in_memory.broker import InMemoryBroker
from adapters.messaging.wire import MAX_BYTES, Unpublishable, encode
from application.ports.event_publisher import BrokerUnavailable, OutboxEntry, PublishResult
from domain.events import EventId


@frozen
class InMemoryPublisher:
    """Publishes events to the broker."""

    _broker: InMemoryBroker

    async def publish(self, entries: Sequence[OutboxEntry]) -> PublishResult:
        broker = self._broker
        stored, rejected = set[EventId](), dict[EventId, str]()
        await broker.checkpoint("publish")
        for entry in entries:
            event_id = entry.event.id
            try:
                message = encode(entry)
            except Unpublishable as unpublishable:
                rejected[event_id] = unpublishable.reason
                continue
            if message.size > MAX_BYTES:
                rejected[event_id] = f"{message.size} bytes exceed the stream's limit"
                continue
            broker.store(message)
            if not broker.loses_reply(event_id):
                stored.add(event_id)
            await broker.checkpoint("published one")
        await broker.checkpoint("published")
        if entries and not stored and not rejected:
            raise BrokerUnavailable("no reply")
        return PublishResult(frozenset(stored), rejected)
