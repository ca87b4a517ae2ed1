"""What the benchmark itself does with NATS: publish orders, and wait for events."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

import nats
from attrs import frozen
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from tests.bench.customers import payer_of

Result = TypeVar("Result")

_BATCH: Final = 256
_SECONDS: Final = 30.0
# Ends a run that hangs: a million events take a few minutes.
_DRAIN_SECONDS: Final = 1800.0
# Small beside a round, and each question costs the server some time.
_POLL_SECONDS: Final = 0.05


@frozen
class Broker:
    """The server, with a new connection for each call."""

    url: str

    def publish_orders(self, prefix: str, count: int) -> None:
        """Publish `order:created` for orders named as those of `filling.add_orders`.

        A worker creates the stream a moment after it has started.
        """

        async def exists(context: JetStreamContext) -> bool:
            try:
                await context.stream_info("ORDERS")
            except NotFoundError:
                return False
            return True

        async def publish(stream: JetStreamContext) -> None:
            for first in range(0, count, _BATCH):
                waiting = [
                    await stream.publish_async(
                        "order:created", _order(f"{prefix}-{number}", number)
                    )
                    for number in range(first, min(count, first + _BATCH))
                ]
                await asyncio.wait_for(asyncio.gather(*waiting), _SECONDS)

        self._wait(exists)
        self._run(publish)

    def wait_for_consumer(self, stream: str, durable: str) -> None:
        """Wait until the consumer has acknowledged every event."""

        async def is_done(context: JetStreamContext) -> bool:
            info = await context.consumer_info(stream, durable)
            return not info.num_pending and not info.num_ack_pending

        self._wait(is_done)

    def wait_for_messages(self, stream: str, count: int) -> None:
        """Wait until the stream exists and has so many messages."""

        async def is_done(context: JetStreamContext) -> bool:
            return await _messages(context, stream) >= count

        self._wait(is_done)

    def messages(self, stream: str) -> int:
        """Return how many messages the stream has; 0 if there is none."""

        return self._run(lambda context: _messages(context, stream))

    def _wait(self, is_done: Callable[[JetStreamContext], Coroutine[Any, Any, bool]]) -> None:
        async def wait(context: JetStreamContext) -> None:
            async with asyncio.timeout(_DRAIN_SECONDS):
                while not await is_done(context):  # noqa: ASYNC110 - another process does it
                    await asyncio.sleep(_POLL_SECONDS)

        self._run(wait)

    def _run(self, work: Callable[[JetStreamContext], Coroutine[Any, Any, Result]]) -> Result:
        async def connected() -> Result:
            client = await nats.connect(self.url)
            try:
                return await work(client.jetstream())
            finally:
                await client.close()

        return asyncio.run(connected())


async def _messages(context: JetStreamContext, stream: str) -> int:
    try:
        return (await context.stream_info(stream)).state.messages
    except NotFoundError:
        return 0


def _order(order_id: str, number: int) -> bytes:
    event = {
        "id": order_id,
        "version": 0,
        "status": "created",
        "userId": payer_of(number),
        "expiresAt": "2999-01-01T00:00:00.000Z",
        "ticket": {"id": "bench", "price": 19.99},
    }
    return json.dumps(event).encode()
