"""Handle inbound events: decode them, call the use case, then acknowledge."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import timedelta
from typing import Final

from attrs import field, frozen

from application.ports.alerts import AlertKind, Alerts
from application.ports.inbound_events import InboundEvents
from application.ports.stream_positions import EventPosition
from application.use_cases.cancel_order import OrderCancellation
from domain.identifiers import OrderId
from domain.money import Currency
from domain.replica import OrderReplica
from entrypoints.worker.alignment import Alignment
from entrypoints.worker.batches import Advance, Apply, Batch, Decoded
from entrypoints.worker.event_bodies import (
    decode,
    decode_payment_created,
    expiry_problem,
)
from entrypoints.worker.failures import Failures
from entrypoints.worker.order_events import ORDER_SHIPPED

BATCH: Final = 256
"""How many events one transaction applies at most. Larger batches were no faster when measured, and
splitting a batch that fails takes longer."""

MAX_BATCHES: Final = 16
"""How many batches one run handles at most, so that it ends within a second."""

WAIT: Final = timedelta(seconds=1)
"""How long a fetch waits for the first event; an idle worker takes at most this long to stop."""


@frozen
class OrderIntake:
    """Applies `order:created`, `order:cancelled` and `order:shipped`, one batch at a time."""

    events: InboundEvents
    alignment: Alignment
    replicate: Apply[OrderReplica]
    cancel: Apply[OrderCancellation]
    advance: Advance
    currency: Currency
    """The currency of prices without a currency of their own."""
    alerts: Alerts
    failures: Failures = field(factory=Failures)
    capture_subject: str = ORDER_SHIPPED
    """The subject of `order:shipped`."""

    async def run_once(self) -> int:
        """Handle batches as long as they are full, at most MAX_BATCHES; return how many events.

        The next batch is fetched and decoded while the database commits the current one. After one
        that the database refused, no further one is fetched: what is stored is compared first.

        Raises:
            BrokerUnavailable, StorageUnavailable: what was fetched was handled nevertheless.
        """
        await self.alignment.run_if_due()
        batch = Batch(self.alignment, self.advance, self.failures)
        fetched = await self._fetch(batch, WAIT)
        arrived = fetched.size
        for _ in range(MAX_BATCHES - 1):
            if fetched.size < BATCH or self.alignment.is_requested:
                break
            applied, following = await asyncio.gather(
                self._apply(batch, fetched),
                self._fetch(batch, timedelta(0)),
                return_exceptions=True,
            )
            if isinstance(applied, BaseException):
                raise applied
            if isinstance(following, BaseException):
                raise following
            fetched = following
            arrived += fetched.size
        await self._apply(batch, fetched)
        return arrived

    async def _fetch(self, batch: Batch, wait: timedelta) -> "_Fetched":
        events = await self.events.fetch(BATCH, wait)
        decoded = await batch.decode(
            events,
            lambda event: decode(event.subject, event.data, self.currency, self.capture_subject),
        )
        return _Fetched(len(events), decoded)

    async def _apply(self, batch: Batch, fetched: "_Fetched") -> None:
        changed: list[Decoded[OrderReplica]] = []
        cancelled: list[Decoded[OrderCancellation]] = []
        for event, content in fetched.decoded:
            match content:
                case OrderReplica():
                    changed.append((event, content))
                case OrderCancellation():
                    cancelled.append((event, content))
        await batch.apply(changed, self.replicate)
        await batch.apply(cancelled, self.cancel)
        await self._report_expiries(changed)

    async def _report_expiries(self, changed: Iterable[Decoded[OrderReplica]]) -> None:
        """Report orders that never expire because their `expiresAt` is not understood."""
        without = ((event, replica) for event, replica in changed if _never_expires(replica))
        problems = ((replica.id, expiry_problem(event.data)) for event, replica in without)
        reports = [
            self.alerts.report(AlertKind.EXPIRY_NOT_UNDERSTOOD, order_id, problem)
            for order_id, problem in problems
            if problem is not None
        ]
        if reports:
            await asyncio.gather(*reports)


@frozen
class _Fetched:
    """A batch that was fetched, without the malformed events."""

    size: int
    decoded: Sequence[Decoded[OrderReplica | OrderCancellation]]


@frozen
class PaymentCreatedIntake:
    """Completes the orders of `payment:created` events, one transaction for each."""

    events: InboundEvents
    alignment: Alignment
    complete: Callable[[OrderId, Iterable[EventPosition]], Awaitable[None]]
    advance: Advance
    failures: Failures = field(factory=Failures)

    async def run_once(self) -> int:
        """Handle at most one batch; return how many events arrived.

        Raises:
            BrokerUnavailable, StorageUnavailable: no event was fetched.
        """
        await self.alignment.run_if_due()
        batch = Batch(self.alignment, self.advance, self.failures)
        events = await self.events.fetch(BATCH, WAIT)
        for each in await batch.decode(events, lambda event: decode_payment_created(event.data)):
            await batch.apply([each], self._complete)
        return len(events)

    async def _complete(
        self, order_ids: Iterable[OrderId], positions: Iterable[EventPosition]
    ) -> None:
        for order_id in order_ids:
            await self.complete(order_id, positions)


def _never_expires(replica: OrderReplica) -> bool:
    return replica.terms is not None and replica.terms.expires_at is None
