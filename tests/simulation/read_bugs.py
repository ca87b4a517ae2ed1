"""Bugs of reads, and of events that cannot be applied for a while."""

from collections.abc import Collection, Sequence
from typing import Final

from attrs import evolve

from application.ports.event_publisher import OutboxEntry
from application.ports.inbound_events import InboundEvent
from application.use_cases.read_payments import ReadPayments
from application.use_cases.relay_outbox import RelayOutbox
from domain.events import EventId
from domain.identifiers import OrderId, PaymentId, UserId
from domain.order import Order
from domain.order_entities import PaymentNotFound
from domain.outcome import RequiresAction
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from entrypoints.http import reading, replies
from entrypoints.http.reply_bodies import PaymentBody
from entrypoints.worker.batches import Batch
from tests.simulation.bug import Bug

_payment_body = replies.payment_body


async def _anybody_reads(
    self: ReadPayments, payment_id: PaymentId, _user: UserId
) -> tuple[Payment, Order]:
    order = await self.begin().orders.find_by_payment(payment_id)
    if order is None:
        raise PaymentNotFound(payment_id)
    return order.payment(payment_id), order


async def _everything_is_listed(
    self: ReadPayments, order_id: OrderId, _user: UserId
) -> tuple[tuple[Payment, ...], Order | None]:
    order = await self.begin().orders.get(order_id)
    return ((), None) if order is None else (tuple(order.payments), order)


def _paid_too_early(
    payment: Payment, order: Order | None = None, action: RequiresAction | None = None
) -> PaymentBody:
    if payment.status in (PaymentStatus.PROCESSING, PaymentStatus.PENDING):
        payment = evolve(payment, status=PaymentStatus.SUCCEEDED)
    return _payment_body(payment, order, action)


async def _only_the_newest_is_found(
    self: ReadPayments, payment_id: PaymentId, user: UserId
) -> tuple[Payment, Order]:
    order = await self.begin().orders.find_by_payment(payment_id)
    if order is None or order.payments[-1].id != payment_id or order.payments[-1].user_id != user:
        raise PaymentNotFound(payment_id)
    return order.payment(payment_id), order


async def _dropped(_self: Batch, event: InboundEvent, _error: Exception) -> None:
    await event.ack()


READ_BUGS: Final = (
    Bug("anybody reads a payment", ReadPayments, "one", _anybody_reads),
    Bug("the payments of others are listed", ReadPayments, "of_order", _everything_is_listed),
    Bug("a read says paid too early", reading, "payment_body", _paid_too_early),
    Bug("a declined payment is not found", ReadPayments, "one", _only_the_newest_is_found),
)
"""One run in ten has reads."""


async def _rejected_is_sent(
    self: RelayOutbox, window: Sequence[OutboxEntry]
) -> Collection[EventId]:
    result = await self._publish(window)
    await self.outbox.mark_sent(result.stored | result.rejected.keys())
    return result.stored | result.rejected.keys()


LETTER_BUGS: Final = (
    Bug("an event that was rejected counts as sent", RelayOutbox, "_relay", _rejected_is_sent),
    Bug("an event that fails is acknowledged", Batch, "_retry_later", _dropped),
)
