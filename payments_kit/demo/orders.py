"""A small orders service, the one in front of the payments service; it talks over NATS alone."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import TracebackType
from typing import Final, Self, TypeVar
from uuid import uuid4

import msgspec
import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig
from nats.js.errors import NotFoundError

from payments_kit.demo.order_projection import (
    ORDER_CANCELLED,
    ORDER_CREATED,
    SUBJECTS,
    Heard,
    Order,
    OrderBook,
    OrderCancelled,
    OrderCreated,
    Ticket,
    TicketId,
)

Found = TypeVar("Found")

# How long one request for the next event lingers at the broker. A request that a restart of the
# broker has swallowed is made again after that.
FETCH_SECONDS: Final = 1.0
# After a failed request: the broker is away, and comes back in tens of milliseconds or much later.
PAUSE_SECONDS: Final = 0.1
# The worker brings the streams; a loaded machine takes some seconds to import it.
STREAMS_SECONDS: Final = 60.0
# One publish takes less than a millisecond here.
PUBLISH_SECONDS: Final = 2.0
# Between two tries of the client to reach a broker that is away; small, as it is on this machine.
RECONNECT_SECONDS: Final = 0.1

_encode = msgspec.json.Encoder(decimal_format="number").encode


class UnknownOrder(Exception):
    """There is no such order."""


class BrokerAway(Exception):
    """The event is not known to be stored."""


class OrdersSide:
    """Creates, cancels, expires and completes orders. Its state is what the streams say.

    Use it as an async context manager, once the streams exist or are about to.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._name = "demo-orders"
        self._tasks: list[asyncio.Task[None]] = []
        # On Python 3.11 a cancellation is lost if it comes together with what was waited for
        # (https://github.com/python/cpython/issues/86296), so the loops look here as well.
        self._closing = False
        self._changed = asyncio.Condition()
        self.book = OrderBook()
        self.revision = 0

    async def create(self, user_id: str, price: Decimal, lifetime: timedelta) -> Order:
        """Make an order that waits so long to be paid.

        Raises:
            BrokerAway: it could not be published.
        """
        expires_at = datetime.now(UTC) + lifetime
        created = OrderCreated(
            id=uuid4().hex,
            version=0,
            status="created",
            user_id=user_id,
            # As JavaScript writes a Date, which is what the seed's services send.
            expires_at=expires_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            ticket=Ticket(uuid4().hex, price),
        )
        await self._publish(ORDER_CREATED, _encode(created), f"{created.id}:0")
        return self._known(created.id)

    async def cancel(self, order_id: str) -> Order:
        """Cancel an order, paid or not; cancelling it again changes nothing.

        Raises:
            UnknownOrder: it was never created.
            BrokerAway: it could not be published.
        """
        order = self._known(order_id)
        if order.status != "cancelled":
            version = order.version + 1
            cancelled = OrderCancelled(order.id, version, TicketId(order.ticket_id))
            await self._publish(ORDER_CANCELLED, _encode(cancelled), f"{order.id}:{version}")
        return self._known(order_id)

    async def until(self, condition: Callable[[OrderBook], Found | None], seconds: float) -> Found:
        """Wait until the book says so, and give what it says.

        Raises:
            TimeoutError: it did not, within the time.
        """
        async with asyncio.timeout(seconds), self._changed:
            while not (found := condition(self.book)):
                await self._changed.wait()
            return found

    async def wait_for_news(self, since: int, seconds: float) -> None:
        """Return when the book is not that revision any more, or the time is over."""
        with contextlib.suppress(TimeoutError):
            await self.until(lambda _: self.revision != since, seconds)

    async def run(self) -> None:
        """Go on until something is wrong with the orders side itself, and raise that."""
        ended, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.result()

    def _known(self, order_id: str) -> Order:
        order = self.book.find(order_id)
        if order is None:
            raise UnknownOrder(order_id)
        return order

    async def _publish(self, subject: str, data: bytes, event_id: str) -> None:
        if not self._client.is_connected:
            # The client would send it when the broker is back, long after we have said no.
            raise BrokerAway(f"{subject} could not be published")
        try:
            await self._jetstream.publish(
                subject, data, timeout=PUBLISH_SECONDS, headers={"Nats-Msg-Id": event_id}
            )
        except (nats.errors.Error, OSError, TimeoutError) as error:
            raise BrokerAway(f"{subject} could not be published") from error
        # Stored, so it is true; that it comes back from the stream makes no difference.
        self.book.learn(Heard(datetime.now(UTC), subject, data))
        await self._tell()

    async def _tell(self) -> None:
        async with self._changed:
            self.revision += 1
            self._changed.notify_all()

    # --- listening -----------------------------------------------------------------------------

    async def _listen(self, subscription: JetStreamContext.PullSubscription) -> None:
        while not self._closing:
            message = await self._next(subscription)
            if message is not None:
                await self._hear(message)

    async def _next(self, subscription: JetStreamContext.PullSubscription) -> Msg | None:
        try:
            return (await subscription.fetch(1, timeout=FETCH_SECONDS))[0]
        except TimeoutError:
            return None
        except (nats.errors.Error, OSError):
            await asyncio.sleep(PAUSE_SECONDS)
            return None

    async def _hear(self, message: Msg) -> None:
        self.book.hear(Heard(message.metadata.timestamp, message.subject, message.data))
        with contextlib.suppress(nats.errors.Error, OSError):  # then it comes again, harmlessly
            await message.ack()
        await self._tell()

    async def _catch_up(self, subscription: JetStreamContext.PullSubscription) -> None:
        """Hear everything that was there before; an order that was paid long ago must not expire."""
        pending = (await subscription.consumer_info()).num_pending
        while pending:
            message = await self._next(subscription)
            if message is not None:
                pending = message.metadata.num_pending
                await self._hear(message)

    async def _expire(self) -> None:
        """Cancel whatever is not paid in time."""
        while not self._closing:
            revision, now = self.revision, datetime.now(UTC)
            for order in self.book.orders():
                if order.is_overdue(now):
                    with contextlib.suppress(BrokerAway):
                        await self.cancel(order.id)
            waiting = [
                (order.expires_at - now).total_seconds()
                for order in self.book.orders()
                if order.status == "created" and order.expires_at is not None
            ]
            pause = max(min(waiting, default=FETCH_SECONDS), PAUSE_SECONDS)
            await self.wait_for_news(revision, pause)

    # --- beginning and end ---------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        self._client: Client = await nats.connect(
            self._url,
            max_reconnect_attempts=-1,
            reconnect_time_wait=RECONNECT_SECONDS,
            error_cb=_ignore,
        )
        self._jetstream = self._client.jetstream()
        try:
            async with asyncio.timeout(STREAMS_SECONDS):
                subscriptions = [
                    await self._subscribe(stream, subjects)
                    for stream, subjects in (await self._streams()).items()
                ]
                for subscription in subscriptions:
                    await self._catch_up(subscription)
        except TimeoutError:
            await self._client.close()
            raise BrokerAway(
                f"no streams for {', '.join(SUBJECTS)}: the worker brings them"
            ) from None
        except nats.errors.Error as error:
            await self._client.close()
            raise BrokerAway(f"the streams cannot be read: {error}") from error
        except BaseException:
            await self._client.close()
            raise
        loops = [self._listen(subscription) for subscription in subscriptions]
        self._tasks = [asyncio.create_task(loop) for loop in (*loops, self._expire())]
        return self

    async def _streams(self) -> dict[str, list[str]]:
        """Our subjects by the stream that holds them, once the worker has made them all."""
        streams: dict[str, list[str]] = defaultdict(list)
        for subject in SUBJECTS:
            streams[await self._stream_of(subject)].append(subject)
        return streams

    async def _stream_of(self, subject: str) -> str:
        while True:
            try:
                return await self._jetstream.find_stream_name_by_subject(subject)
            except nats.errors.Error:
                await asyncio.sleep(PAUSE_SECONDS)

    async def _subscribe(
        self, stream: str, subjects: list[str]
    ) -> JetStreamContext.PullSubscription:
        with contextlib.suppress(NotFoundError):  # of the demo before us: we begin from the start
            await self._jetstream.delete_consumer(stream, self._name)
        config = ConsumerConfig(durable_name=self._name, filter_subjects=subjects)
        await self._jetstream.add_consumer(stream, config)
        return await self._jetstream.pull_subscribe_bind(self._name, stream)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closing = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.close()


async def _ignore(_error: Exception) -> None:
    """The client tells of every lost connection; the loops above see for themselves."""
