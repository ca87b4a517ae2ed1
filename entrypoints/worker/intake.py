"""Order events in, and the `payment:created` of others: decode, call, acknowledge."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import timedelta
from typing import Final, TypeVar

from attrs import frozen

from application.ports.event_publisher import BrokerUnavailable
from application.ports.inbound_events import InboundEvent, InboundEvents
from application.ports.unit_of_work import StorageUnavailable
from application.use_cases.cancel_order import OrderCancellation
from domain.identifiers import OrderId
from domain.money import Currency
from domain.replica import OrderReplica
from entrypoints.worker.event_bodies import (
    MAX_REASON,
    MalformedEvent,
    decode,
    decode_payment_created,
)

logger = logging.getLogger(__name__)

What = TypeVar("What")

BATCH: Final = 256
"""Events a transaction: above that a prototype got no faster, and a failing batch is soon split."""

WAIT: Final = timedelta(seconds=1)
"""How long a fetch waits for a first event: also the longest an idle worker takes to stop."""

DELAYS: Final = (1, 4, 16, 64)
"""Seconds between the tries of an event that makes trouble. After the last of them it is buried:
a minute and a half is longer than a deployment or a failover takes."""

MAX_DELIVERIES: Final = len(DELAYS) + 1

STORAGE_DELAY: Final = timedelta(seconds=5)
"""Between two tries while the database is away; there is no last one."""

Use = Callable[[Iterable[What]], Awaitable[None]]
"""The signature of ReplicateOrder and CancelOrder: everything of a call in one transaction."""


@frozen
class OrderIntake:
    """Have ReplicateOrder and CancelOrder learn what order events say, a batch at a time."""

    events: InboundEvents
    replicate: Use[OrderReplica]
    cancel: Use[OrderCancellation]
    currency: Currency
    """Of prices that carry none."""

    async def run_once(self) -> int:
        """Handle at most one batch; how many events came.

        Raises:
            BrokerUnavailable: none could be fetched.
        """
        events = await self.events.fetch(BATCH, WAIT)
        if not events:
            return 0
        created: list[tuple[InboundEvent, OrderReplica]] = []
        cancelled: list[tuple[InboundEvent, OrderCancellation]] = []
        malformed: list[tuple[InboundEvent, str]] = []
        for event in events:
            try:
                match decode(event.subject, event.data, self.currency):
                    case OrderReplica() as order:
                        created.append((event, order))
                    case OrderCancellation() as cancellation:
                        cancelled.append((event, cancellation))
            except MalformedEvent as error:
                malformed.append((event, error.reason))
        await _dead_letter(malformed)
        await _use(created, self.replicate)
        await _use(cancelled, self.cancel)
        return len(events)


@frozen
class PaymentCreatedIntake:
    """Have CompleteOrder called for the orders that `payment:created` events tell of."""

    events: InboundEvents
    complete: Callable[[OrderId], Awaitable[None]]

    async def run_once(self) -> int:
        """Handle at most one batch; how many events came.

        Raises:
            BrokerUnavailable: none could be fetched.
        """
        events = await self.events.fetch(BATCH, WAIT)
        if not events:
            return 0
        paid: list[tuple[InboundEvent, OrderId]] = []
        malformed: list[tuple[InboundEvent, str]] = []
        for event in events:
            try:
                paid.append((event, decode_payment_created(event.data)))
            except MalformedEvent as error:
                malformed.append((event, error.reason))
        await _dead_letter(malformed)
        for each in paid:
            await _use([each], self._complete)
        return len(events)

    async def _complete(self, order_ids: Iterable[OrderId]) -> None:
        for order_id in order_ids:
            await self.complete(order_id)


async def _use(batch: Sequence[tuple[InboundEvent, What]], use: Use[What]) -> None:
    """Have a batch used in one call, and acknowledge it afterwards.

    A batch that fails is halved until the events that make the trouble are alone.
    """
    if not batch:
        return
    try:
        await use([what for _, what in batch])
    except StorageUnavailable as unavailable:
        logger.warning("%d events wait for the database: %s", len(batch), unavailable)
        await _end(event.retry(STORAGE_DELAY) for event, _ in batch)
    except Exception as failure:
        if len(batch) == 1:
            await _put_off(batch[0][0], failure)
        else:
            half = len(batch) // 2
            await _use(batch[:half], use)
            await _use(batch[half:], use)
    else:
        await _end(event.ack() for event, _ in batch)


async def _put_off(event: InboundEvent, failure: Exception) -> None:
    """Try an event again later, or bury it when it has been tried often enough."""
    reason = f"{type(failure).__name__}: {failure}"[:MAX_REASON]
    if event.deliveries >= MAX_DELIVERIES:
        await _dead_letter([(event, reason)])
        return
    after = DELAYS[event.deliveries - 1]
    logger.warning("%s is tried again in %d s: %s", event.subject, after, reason)
    await _end([event.retry(timedelta(seconds=after))])


async def _dead_letter(malformed: Sequence[tuple[InboundEvent, str]]) -> None:
    for event, reason in malformed:
        logger.error("%s becomes a dead letter: %s", event.subject, reason)
    await _end(event.dead_letter(reason) for event, reason in malformed)


async def _end(endings: Iterable[Awaitable[None]]) -> None:
    """End deliveries, all at once. One that cannot be ended comes again, and changes nothing then."""
    for failed in await asyncio.gather(*endings, return_exceptions=True):
        if isinstance(failed, BrokerUnavailable):
            logger.warning("a delivery was not ended: %s", failed)
        elif failed is not None:
            raise failed
