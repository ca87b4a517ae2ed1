"""OrdersService: the demo's small orders service, which communicates over NATS only."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, Self, TypeVar
from uuid import uuid4

import msgspec

from payments_kit.demo.broker import BrokerUnavailable, Delivery, EventBroker, Subscription
from payments_kit.demo.order_events import (
    ORDER_CANCELLED,
    ORDER_CREATED,
    ORDER_SHIPPED,
    SUBJECTS,
    Capture,
    OrderCancelled,
    OrderCreated,
    OrderShipped,
    ReceivedEvent,
    Ticket,
    TicketId,
)
from payments_kit.demo.order_projection import Order, OrderProjection

Found = TypeVar("Found")

# The worker creates the streams; a loaded machine takes some seconds to import it.
STREAMS_SECONDS: Final = 60.0
# Between two checks for expired orders while no order waits for a payment.
IDLE_SECONDS: Final = 1.0
# Between two attempts to cancel an expired order while the broker is unavailable.
RETRY_SECONDS: Final = 0.1

_encode = msgspec.json.Encoder(decimal_format="number").encode


class OrderNotFound(Exception):
    """There is no order with this id."""


class OrdersService:
    """Creates, cancels, expires and completes orders. Its state is rebuilt from the streams.

    Use it as an async context manager; it waits until the streams exist.
    """

    def __init__(self, url: str) -> None:
        self._broker = EventBroker(url)
        self._tasks: list[asyncio.Task[None]] = []
        # On Python 3.11 a cancellation is lost if it coincides with the awaited result
        # (https://github.com/python/cpython/issues/86296), so the loops check this as well.
        self._closing = False
        self._changed = asyncio.Condition()
        self.projection = OrderProjection()
        self.revision = 0
        """It grows with every change of the projection."""

    async def create(
        self,
        user_id: str,
        price: Decimal,
        lifetime: timedelta,
        capture: Capture = "automatic",
    ) -> Order:
        """Create an order that expires after `lifetime` unless it is paid.

        Raises:
            BrokerUnavailable: it could not be published.
        """
        expires_at = datetime.now(UTC) + lifetime
        created = OrderCreated(
            id=uuid4().hex,
            version=0,
            status="created",
            user_id=user_id,
            # The format of a JavaScript Date, which the reference service's peers send.
            expires_at=expires_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            ticket=Ticket(uuid4().hex, price),
            capture=capture,
        )
        await self._publish(ORDER_CREATED, _encode(created), f"{created.id}:0")
        return self._get(created.id)

    async def cancel(self, order_id: str) -> Order:
        """Cancel an order, paid or not; cancelling it again changes nothing.

        Raises:
            OrderNotFound: there is no such order.
            BrokerUnavailable: the cancellation could not be published.
        """
        order = self._get(order_id)
        if order.status != "cancelled":
            version = order.version + 1
            cancelled = OrderCancelled(order.id, version, TicketId(order.ticket_id))
            await self._publish(ORDER_CANCELLED, _encode(cancelled), f"{order.id}:{version}")
        return self._get(order_id)

    async def ship(self, order_id: str) -> Order:
        """Ship an order, so that the money held for it is captured; a second time does nothing.

        Raises:
            OrderNotFound: there is no such order.
            BrokerUnavailable: it could not be published.
        """
        order = self._get(order_id)
        if not order.is_shipped and order.status != "cancelled":
            version = order.version + 1
            await self._publish(
                ORDER_SHIPPED, _encode(OrderShipped(order.id, version)), f"{order.id}:{version}"
            )
        return self._get(order_id)

    async def wait_for(
        self, condition: Callable[[OrderProjection], Found | None], seconds: float
    ) -> Found:
        """Wait until the condition has a true result, and return that result.

        Raises:
            TimeoutError: it had none within the time.
        """
        async with asyncio.timeout(seconds), self._changed:
            while not (found := condition(self.projection)):
                await self._changed.wait()
            return found

    async def wait_for_change(self, revision: int, seconds: float) -> None:
        """Return when the revision is not this one any more, or after the time."""
        with contextlib.suppress(TimeoutError):
            await self.wait_for(lambda _: self.revision != revision, seconds)

    async def run_until_failure(self) -> None:
        """Wait until one of the background loops fails, and raise its error."""
        ended, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.result()

    def _get(self, order_id: str) -> Order:
        order = self.projection.find(order_id)
        if order is None:
            raise OrderNotFound(order_id)
        return order

    async def _publish(self, subject: str, data: bytes, event_id: str) -> None:
        await self._broker.publish(subject, data, event_id)
        # The event is stored, so it counts; its later delivery from the stream changes nothing.
        self.projection.apply(ReceivedEvent(datetime.now(UTC), subject, data))
        await self._notify()

    async def _notify(self) -> None:
        async with self._changed:
            self.revision += 1
            self._changed.notify_all()

    # --- background loops ----------------------------------------------------------------------

    async def _consume(self, subscription: Subscription) -> None:
        while not self._closing:
            delivery = await subscription.next()
            if delivery is not None:
                await self._record(delivery)

    async def _record(self, delivery: Delivery) -> None:
        self.projection.record(delivery.event)
        await delivery.ack()
        await self._notify()

    async def _catch_up(self, subscription: Subscription) -> None:
        """Record all earlier events first, so that no order that was paid before expires."""
        remaining = await subscription.count_pending()
        while remaining:
            delivery = await subscription.next()
            if delivery is not None:
                remaining = delivery.remaining
                await self._record(delivery)

    async def _expire(self) -> None:
        """Cancel each order that is not paid in time."""
        while not self._closing:
            revision, now = self.revision, datetime.now(UTC)
            for order in self.projection.orders():
                if order.is_overdue(now):
                    with contextlib.suppress(BrokerUnavailable):
                        await self.cancel(order.id)
            await self.wait_for_change(revision, self._seconds_to_next_expiry(now))

    def _seconds_to_next_expiry(self, now: datetime) -> float:
        waiting = [
            (order.expires_at - now).total_seconds()
            for order in self.projection.orders()
            if order.may_expire and order.expires_at is not None
        ]
        return max(min(waiting, default=IDLE_SECONDS), RETRY_SECONDS)

    # --- start and end -------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        await self._broker.connect()
        try:
            subscriptions = await self._open_subscriptions()
        except BaseException:
            await self._broker.close()
            raise
        loops = [self._consume(subscription) for subscription in subscriptions]
        self._tasks = [asyncio.create_task(loop) for loop in (*loops, self._expire())]
        return self

    async def _open_subscriptions(self) -> list[Subscription]:
        try:
            async with asyncio.timeout(STREAMS_SECONDS):
                subscriptions = await self._broker.subscribe()
                for subscription in subscriptions:
                    await self._catch_up(subscription)
                return subscriptions
        except TimeoutError:
            missing = f"no streams for {', '.join(SUBJECTS)}: the worker creates them"
            raise BrokerUnavailable(missing) from None

    async def __aexit__(self, *_: object) -> None:
        self._closing = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._broker.close()
