"""The backlog reader in memory."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from attrs import frozen

from adapters.persistence.in_memory.tables import InMemoryTables
from application.ports.backlog import Backlog
from domain.order import Order
from domain.payment import AUTHENTICATION_WINDOW, Payment, PaymentStatus
from domain.refund import Refund, RefundStatus


@frozen
class InMemoryBacklogReader:
    """Reads every order and every outbox record."""

    _database: InMemoryTables

    async def read(self) -> Backlog:
        await self._database.checkpoint("read backlog")
        now = self._database.now()
        orders = [order for _, order in self._database.orders.values()]
        records = self._database.outbox.values()
        waiting = [each.entry for each in records if not each.sent and each.parked is None]
        return Backlog(
            unfinished=Counter(
                payment.status
                for order in orders
                for payment in order.payments
                if _is_unfinished(order, payment)
            ),
            oldest_open=_longest(
                now,
                (
                    _waiting_since(payment)
                    for order in orders
                    for payment in order.payments
                    if payment.next_check_at is not None
                ),
            ),
            refunds_pending=sum(
                refund.next_check_at is not None for order in orders for refund in order.refunds
            ),
            refunds_failed=sum(
                _needs_operator(order, refund) for order in orders for refund in order.refunds
            ),
            events_waiting=len(waiting),
            oldest_event=_longest(now, (entry.recorded_at for entry in waiting)),
            events_parked=sum(each.parked is not None for each in records),
        )


def _is_unfinished(order: Order, payment: Payment) -> bool:
    if payment.status is PaymentStatus.REVIEW:
        return not order.refundable(payment).is_zero
    return payment.next_check_at is not None


def _waiting_since(payment: Payment) -> datetime | None:
    match payment.status:
        case PaymentStatus.PROCESSING:
            return payment.created_at
        case PaymentStatus.REQUIRES_ACTION:
            return payment.created_at + AUTHENTICATION_WINDOW
        case _:
            return None


def _needs_operator(order: Order, refund: Refund) -> bool:
    if refund.status is not RefundStatus.FAILED:
        return False
    latest = max(each.created_at for each in order.refunds if each.payment_id == refund.payment_id)
    payment = order.payment(refund.payment_id)
    return refund.created_at >= latest and not order.refundable(payment).is_zero


def _longest(now: datetime, moments: Iterable[datetime | None]) -> timedelta | None:
    past = [now - moment for moment in moments if moment is not None and moment <= now]
    return max(past, default=None)
