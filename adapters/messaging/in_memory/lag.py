"""The lag of the subscriptions to the broker in memory."""

from collections.abc import Sequence

from attrs import frozen

from adapters.messaging.in_memory.broker import STREAM, InMemoryBroker
from application.ports.inbound_lag import StreamLag


@frozen
class InMemoryInboundLag:
    """Counts what each subscription has not ended."""

    _broker: InMemoryBroker

    async def read(self) -> Sequence[StreamLag]:
        await self._broker.checkpoint("read lag")
        return [
            StreamLag(STREAM, durable, *self._broker.count_unended(durable))
            for durable in self._broker.durables
        ]
