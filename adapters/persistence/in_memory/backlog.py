"""The backlog reader in memory."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from attrs import frozen

from adapters.persistence.in_memory.tables import InMemoryTables
from application.ports.backlog import MAX_COUNTED, Backlog, BacklogItem, BacklogKind, GatewayBacklog
from application.ports.gateway_notifications import DisputeNotification
from domain.check_times import AUTHENTICATION_WINDOW
from domain.order import Order
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from domain.refund import Refund, RefundStatus


@frozen
class InMemoryBacklogReader:
    """Reads every order, outbox record and deferred notification."""

    _database: InMemoryTables

    async def read(self) -> Backlog:
        await self._database.checkpoint("read backlog")
        items = list(self._items())
        counts = Counter(item.kind for item in items)

        def count(kind: BacklogKind) -> int:
            return min(counts[kind], MAX_COUNTED + 1)

        def oldest(kind: BacklogKind) -> timedelta | None:
            return max((item.age for item in items if item.kind is kind), default=None)

        return Backlog(
            unfinished=Counter(
                payment.status
                for order in self._orders()
                for payment in order.payments
                if _is_unfinished(order, payment)
            ),
            oldest_open=oldest(BacklogKind.PAYMENT_OPEN),
            oldest_pending=oldest(BacklogKind.PAYMENT_PENDING),
            refunds_pending=count(BacklogKind.REFUND_PENDING),
            oldest_refund=oldest(BacklogKind.REFUND_PENDING),
            refunds_failed=count(BacklogKind.REFUND_FAILED),
            events_waiting=count(BacklogKind.EVENT_WAITING),
            oldest_event=oldest(BacklogKind.EVENT_WAITING),
            events_parked=count(BacklogKind.EVENT_PARKED),
            notifications_deferred=count(BacklogKind.NOTIFICATION_DEFERRED),
            oldest_deferred=oldest(BacklogKind.NOTIFICATION_DEFERRED),
            notifications_unusable=count(BacklogKind.NOTIFICATION_UNUSABLE),
            differences=count(BacklogKind.DIFFERENCE),
        )

    async def count_at_gateways(self) -> Sequence[GatewayBacklog]:
        await self._database.checkpoint("read backlog")
        waiting = Counter(
            (payment.gateway, payment.livemode)
            for order in self._orders()
            for payment in order.payments
            if payment.next_check_at is not None
            or any(
                refund.payment_id == payment.id and refund.next_check_at is not None
                for refund in order.refunds
            )
        )
        return [GatewayBacklog(*at, count) for at, count in sorted(waiting.items())]

    async def find_oldest(self, limit: int) -> Sequence[BacklogItem]:
        await self._database.checkpoint("read backlog")
        items = sorted(self._items(), key=lambda item: (item.since, item.id))
        return [
            item
            for kind in BacklogKind
            for item in [each for each in items if each.kind is kind][:limit]
        ]

    def _orders(self) -> Iterable[Order]:
        return [order for _, order in self._database.orders.values()]

    def _items(self) -> Iterator[BacklogItem]:
        now = self._database.now()
        for item in (*self._of_orders(), *self._of_outbox(), *self._of_inbox()):
            kind, *_, since = item
            if kind is not BacklogKind.PAYMENT_OPEN or since <= now:
                yield BacklogItem(*item, now - since)

    def _of_orders(self) -> "Iterator[_Item]":
        for order in self._orders():
            for payment in order.payments:
                about = payment.id, order.replica.id, payment.status.value
                since = _waiting_since(payment)
                if payment.next_check_at is not None and since is not None:
                    yield BacklogKind.PAYMENT_OPEN, *about, since
                if payment.status is PaymentStatus.PENDING:
                    yield BacklogKind.PAYMENT_PENDING, *about, payment.created_at
                if payment.status is PaymentStatus.REVIEW and _is_unfinished(order, payment):
                    yield BacklogKind.PAYMENT_IN_REVIEW, *about, payment.created_at
            for refund in order.refunds:
                names = refund.id, refund.payment_id, refund.code or refund.status.value
                if refund.next_check_at is not None:
                    yield BacklogKind.REFUND_PENDING, *names, refund.created_at
                if _needs_operator(order, refund):
                    yield BacklogKind.REFUND_FAILED, *names, refund.created_at

    def _of_outbox(self) -> "Iterator[_Item]":
        for record in self._database.outbox.values():
            event, since = record.entry.event, record.entry.recorded_at
            if record.parked is not None:
                yield BacklogKind.EVENT_PARKED, event.id, event.order_id, record.parked, since
            elif not record.sent:
                yield BacklogKind.EVENT_WAITING, event.id, event.order_id, event.subject, since

    def _of_inbox(self) -> "Iterator[_Item]":
        for since, each in self._database.deferred_notifications.values():
            kind = "dispute" if isinstance(each, DisputeNotification) else "refund"
            yield BacklogKind.NOTIFICATION_DEFERRED, each.id, each.charge_id, kind, since
        for kept in self._database.unusable_notifications.values():
            about = kept.notification_id, kept.gateway, kept.reason
            yield BacklogKind.NOTIFICATION_UNUSABLE, *about, kept.received_at
        for stored in self._database.differences.values():
            found = stored.difference
            if stored.resolved_at is None:
                about = found.subject, found.payment_id or found.gateway, found.kind.value
                yield BacklogKind.DIFFERENCE, *about, stored.found_at


_Item = tuple[BacklogKind, str, str, str, datetime]
"""The fields of a BacklogItem but its age."""


def _is_unfinished(order: Order, payment: Payment) -> bool:
    if payment.status is PaymentStatus.REVIEW:
        return not order.refundable(payment).is_zero
    return payment.next_check_at is not None or payment.status is PaymentStatus.PENDING


def _waiting_since(payment: Payment) -> datetime | None:
    match payment.status:
        case PaymentStatus.PROCESSING:
            return payment.created_at
        case PaymentStatus.REQUIRES_ACTION:
            return payment.created_at + AUTHENTICATION_WINDOW
        case PaymentStatus.AUTHORIZED if not payment.waits_for_capture:
            return payment.decided_at
        case _:
            return None


def _needs_operator(order: Order, refund: Refund) -> bool:
    if refund.status is not RefundStatus.FAILED:
        return False
    latest = max(each.created_at for each in order.refunds if each.payment_id == refund.payment_id)
    payment = order.payment(refund.payment_id)
    return refund.created_at >= latest and not order.refundable(payment).is_zero
