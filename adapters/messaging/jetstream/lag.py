"""The lag of our consumers, as the server knows it."""

from collections.abc import Sequence

from attrs import frozen

from adapters.messaging.jetstream.api import ApiRefusal, ApiReply
from adapters.messaging.jetstream.connection import JetStreamConnection
from adapters.messaging.jetstream.consumers import CONSUMER_NOT_FOUND
from adapters.messaging.jetstream.explain import as_unavailable
from adapters.messaging.jetstream.plans import ORDERS_CONSUMER, SHIPMENTS_CONSUMER
from adapters.messaging.jetstream.streams import Streams
from application.ports.inbound_lag import StreamLag


class _Pending(ApiReply):
    """The part of CONSUMER.INFO that says what waits."""

    num_pending: int = 0
    num_ack_pending: int = 0


@frozen
class JetStreamInboundLag:
    """Asks the server about each consumer that exists."""

    _connection: JetStreamConnection
    _streams: Streams

    async def read(self) -> Sequence[StreamLag]:
        with as_unavailable():
            names: dict[tuple[str, str], None] = {}
            plans = self._streams.plans
            for plan, durable in (
                (plans.orders, ORDERS_CONSUMER),
                (plans.shipments, SHIPMENTS_CONSUMER),
            ):
                for subject in plan.subjects:
                    stream = await self._streams.find(plan, subject)
                    if stream is not None:
                        consumer = self._connection.namespace.consumer(durable)
                        names[stream.config["name"], consumer] = None
            found = [await self._read(*each) for each in names]
            return [each for each in found if each is not None]

    async def _read(self, stream: str, consumer: str) -> StreamLag | None:
        try:
            info = await self._connection.request(f"CONSUMER.INFO.{stream}.{consumer}", _Pending)
        except ApiRefusal as refusal:
            if refusal.err_code != CONSUMER_NOT_FOUND:
                raise
            return None
        return StreamLag(stream, consumer, info.num_pending, info.num_ack_pending)
