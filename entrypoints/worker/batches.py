"""Batches of inbound events: decoded, applied together, and then ended one by one."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import timedelta
from typing import Final, TypeVar

from attrs import frozen

from application.log_context import log_context
from application.ports.event_publisher import BrokerUnavailable
from application.ports.inbound_events import InboundEvent
from application.ports.stream_positions import EventPosition
from application.ports.unit_of_work import StorageUnavailable
from application.use_cases.cancel_order import OrderCancellation
from domain.replica import OrderReplica
from entrypoints.worker.alignment import Alignment
from entrypoints.worker.event_bodies import MAX_REASON, MalformedEvent
from entrypoints.worker.failures import Failures

logger = logging.getLogger(__name__)

Content = TypeVar("Content")

DELAYS: Final = (1, 4, 16, 64)
"""Seconds before each further delivery of an event that failed. If the last delivery fails as well,
it becomes a dead letter: 85 s in all, which is longer than a deployment or a failover takes."""

MAX_DELIVERIES: Final = len(DELAYS) + 1

STORAGE_DELAY: Final = timedelta(seconds=5)
"""The delay before the next delivery while the database is down; their number is not limited."""

ACK_WITHIN_SECONDS: Final = 10.0
"""Longer than a commit takes, and shorter than most failovers. After a pause of the process, the
commit may have been lost meanwhile, and the event delivered again to another process: its broker
would take the acknowledgement for that delivery."""

Apply = Callable[[Iterable[Content], Iterable[EventPosition]], Awaitable[None]]
"""Applies everything in one transaction; the signature of ReplicateOrder and CancelOrder."""

Advance = Callable[[Iterable[EventPosition]], Awaitable[None]]
"""Records positions of events that are not applied; the signature of AdvancePositions."""

Decoded = tuple[InboundEvent, Content]


@frozen
class Batch:
    """Ends the deliveries of a batch: each after what it needs was committed."""

    alignment: Alignment
    advance: Advance
    failures: Failures

    async def decode(
        self, events: Iterable[InboundEvent], decode_one: Callable[[InboundEvent], Content]
    ) -> list[Decoded[Content]]:
        """Decode the events; those that are malformed become dead letters."""
        decoded: list[Decoded[Content]] = []
        malformed: list[tuple[InboundEvent, str]] = []
        for event in events:
            try:
                decoded.append((event, decode_one(event)))
            except MalformedEvent as error:
                malformed.append((event, error.reason))
        await self._dead_letter(malformed)
        return decoded

    async def apply(self, batch: Sequence[Decoded[Content]], apply: Apply[Content]) -> None:
        """Apply a batch in one call, then acknowledge its events.

        A batch that fails is split in half until each event that fails is alone.
        """
        if not batch:
            return
        now = asyncio.get_running_loop().time
        began = now()
        try:
            await apply([content for _, content in batch], [event.position for event, _ in batch])
        except StorageUnavailable as error:
            await self._wait_for_storage([event for event, _ in batch], error)
        except Exception as error:
            if len(batch) == 1:
                [(event, content)] = batch
                with log_context(order_id=order_id_of(content)):
                    await self._retry_later(event, error)
            else:
                half = len(batch) // 2
                await self.apply(batch[:half], apply)
                await self.apply(batch[half:], apply)
        else:
            if now() - began > ACK_WITHIN_SECONDS:
                logger.warning("%d events took too long and are delivered again", len(batch))
                return
            await _acknowledge(event for event, _ in batch)

    async def _retry_later(self, event: InboundEvent, error: Exception) -> None:
        """Have an event delivered again after a delay; dead-letter it after the last delivery."""
        reason = f"{type(error).__name__}: {error}"[:MAX_REASON]
        failures = self.failures.add(event)
        if failures >= MAX_DELIVERIES:
            await self._dead_letter([(event, reason)])
            return
        delay = DELAYS[failures - 1]
        logger.warning("%s failed and is retried in %d s: %s", event.subject, delay, reason)
        await _end([event.retry(timedelta(seconds=delay))])

    async def _dead_letter(self, unusable: Sequence[tuple[InboundEvent, str]]) -> None:
        """Record their positions, as of all events that end; then store them as dead letters."""
        if not unusable:
            return
        try:
            await self.advance(event.position for event, _ in unusable)
        except StorageUnavailable as error:
            await self._wait_for_storage([event for event, _ in unusable], error)
            return
        for event, reason in unusable:
            logger.error("%s is stored as a dead letter: %s", event.subject, reason)
        await _end(event.dead_letter(reason) for event, reason in unusable)

    async def _wait_for_storage(
        self, events: Sequence[InboundEvent], error: StorageUnavailable
    ) -> None:
        logger.warning("%d events are retried in %s: %s", len(events), STORAGE_DELAY, error)
        self.alignment.request()
        await _end(event.retry(STORAGE_DELAY) for event in events)


async def _acknowledge(events: Iterable[InboundEvent]) -> None:
    """Acknowledge one after another, because a task for each would cost more than its work."""
    for event in events:
        try:
            await event.ack()
        except BrokerUnavailable as error:
            logger.warning("%s is delivered again: %s", event.subject, error)


async def _end(endings: Iterable[Awaitable[None]]) -> None:
    """End deliveries concurrently.

    A delivery that could not be ended is repeated by the broker, which changes nothing.
    """
    for error in await asyncio.gather(*endings, return_exceptions=True):
        if isinstance(error, BrokerUnavailable):
            logger.warning("a delivery could not be ended, so it is repeated: %s", error)
        elif error is not None:
            raise error


def order_id_of(content: object) -> str:
    """Return the order that an event is about."""
    match content:
        case OrderReplica(id=order_id) | OrderCancellation(order_id=order_id):
            return order_id
        case _:  # of payment:created
            return str(content)
