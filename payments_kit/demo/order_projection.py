"""OrderProjection: the orders as they follow from the received events."""

from collections import defaultdict, deque
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, Literal

import msgspec
from attrs import define, field, frozen

from payments_kit.demo.order_events import (
    Capture,
    OrderCancelled,
    OrderCreated,
    OrderShipped,
    ReceivedEvent,
)
from payments_kit.orders.events import PaymentEvent, Subject, UnreadableEvent, read_event
from payments_kit.orders.guard import OrderPayments, OrderStatus

# More than the page shows; the streams keep all of them.
MAX_EVENTS: Final = 500

Status = Literal["created", "authorized", "complete", "refunded", "cancelled"]


@frozen
class Order:
    """The current state of an order; the price is in major units."""

    id: str
    version: int
    status: Status
    user_id: str
    price: Decimal
    ticket_id: str
    created_at: datetime
    expires_at: datetime | None
    may_expire: bool
    capture: Capture
    is_shipped: bool

    def is_overdue(self, now: datetime) -> bool:
        """Return whether the order has expired: not while its money is held or on its way."""
        return self.may_expire and self.expires_at is not None and self.expires_at <= now


@define
class OrderProjection:
    """The orders, computed from facts that are only added and never removed.

    So the result does not depend on the order of arrival, a repeated event changes nothing, and
    the projection can be rebuilt from the streams.
    """

    events: deque[ReceivedEvent] = field(factory=lambda: deque(maxlen=MAX_EVENTS))
    _created: dict[str, tuple[OrderCreated, datetime]] = field(factory=dict)
    _cancelled: dict[str, int] = field(factory=dict)
    _shipped: dict[str, int] = field(factory=dict)
    _payments: defaultdict[str, OrderPayments] = field(factory=lambda: defaultdict(OrderPayments))
    # Since when a payment is pending.
    _pending: dict[str, datetime] = field(factory=dict)

    def record(self, event: ReceivedEvent) -> None:
        """Apply an event and keep it for the page; ignore an event that cannot be decoded."""
        try:
            self.apply(event)
        except (msgspec.DecodeError, UnicodeDecodeError, UnreadableEvent):
            return
        if event not in self.events:
            self.events.append(event)

    def apply(self, event: ReceivedEvent) -> None:
        """Add the facts of an event.

        Raises:
            msgspec.DecodeError, UnicodeDecodeError, UnreadableEvent: the body does not fit the
                subject.
        """
        match event.subject:
            case "order:created":
                created = msgspec.json.decode(event.data, type=OrderCreated)
                self._created.setdefault(created.id, (created, event.at))
            case "order:cancelled":
                cancelled = msgspec.json.decode(event.data, type=OrderCancelled)
                self._cancelled[cancelled.id] = cancelled.version
                self._payments[cancelled.id] = self._payments[cancelled.id].cancel()
            case "order:shipped":
                shipped = msgspec.json.decode(event.data, type=OrderShipped)
                self._shipped[shipped.id] = shipped.version
            case _:
                self._apply_payment(event, read_event(event.subject, event.data))

    def _apply_payment(self, event: ReceivedEvent, payment: PaymentEvent | None) -> None:
        """Let the guard decide; the projection is in memory, so there is nothing else to do."""
        if payment is not None:
            known = self._payments[payment.order_id]
            self._payments[payment.order_id] = known.apply(payment).payments
            if payment.fact.subject is Subject.PENDING:
                self._pending.setdefault(payment.fact.payment_id, event.at)

    def find(self, order_id: str) -> Order | None:
        """Return an order, or None if its creation was not received."""
        known = self._created.get(order_id)
        if known is None:
            return None
        created, at = known
        payments = self._payments.get(order_id, OrderPayments())
        return Order(
            id=order_id,
            version=max(
                created.version,
                *(known.get(order_id, 0) for known in (self._shipped, self._cancelled)),
            ),
            status=_status(payments),
            user_id=created.user_id,
            price=created.ticket.price,
            ticket_id=created.ticket.id,
            created_at=at,
            expires_at=_parse_time(created.expires_at),
            may_expire=payments.may_expire,
            capture=created.capture,
            is_shipped=order_id in self._shipped,
        )

    def pending_payments(self) -> Mapping[str, datetime]:
        """Return the payments whose money comes later, with the time of their event."""
        waiting = {each for order in self._payments.values() for each in order.pending_payments}
        return {payment_id: at for payment_id, at in self._pending.items() if payment_id in waiting}

    def orders(self) -> list[Order]:
        """Return all orders, the newest first."""
        found = [order for order_id in self._created if (order := self.find(order_id))]
        return sorted(found, key=lambda order: order.created_at, reverse=True)

    def events_of(self, order_id: str, subject: str) -> list[ReceivedEvent]:
        """Return the events of one subject about one order, in the order of arrival."""
        return [
            event
            for event in self.events
            if event.subject == subject
            and order_id in (event.body.get("orderId"), event.body.get("id"))
        ]


def _status(payments: OrderPayments) -> Status:
    is_held = payments.status is OrderStatus.CREATED and payments.held_payments
    return "authorized" if is_held else payments.status.value


def _parse_time(text: str) -> datetime | None:
    """Return the time, or None if the text is no time: `expiresAt` may be any text."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
