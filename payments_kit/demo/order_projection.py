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
    PaymentEvent,
    ReceivedEvent,
)

# More than the page shows; the streams keep all of them.
MAX_EVENTS: Final = 500

Status = Literal["created", "authorized", "complete", "cancelled"]


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
    capture: Capture
    is_shipped: bool

    def is_overdue(self, now: datetime) -> bool:
        """Return whether the order has expired without a payment.

        One whose payment is authorized has not: its money is held for it.
        """
        return self.status == "created" and self.expires_at is not None and self.expires_at <= now


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
    _paid: set[str] = field(factory=set)
    # Payments by order, and those of them that hold no money any more.
    _authorized: defaultdict[str, set[str]] = field(factory=lambda: defaultdict(set))
    _voided: set[str] = field(factory=set)
    # Since when a payment is pending, and which payments have ended.
    _pending: dict[str, datetime] = field(factory=dict)
    _ended: set[str] = field(factory=set)

    def record(self, event: ReceivedEvent) -> None:
        """Apply an event and keep it for the page; ignore an event that cannot be decoded."""
        try:
            self.apply(event)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        if event not in self.events:
            self.events.append(event)

    def apply(self, event: ReceivedEvent) -> None:
        """Add the facts of an event.

        Raises:
            msgspec.DecodeError, UnicodeDecodeError: the body does not fit the subject.
        """
        match event.subject:
            case "order:created":
                created = msgspec.json.decode(event.data, type=OrderCreated)
                self._created.setdefault(created.id, (created, event.at))
            case "order:cancelled":
                cancelled = msgspec.json.decode(event.data, type=OrderCancelled)
                self._cancelled[cancelled.id] = cancelled.version
            case "order:shipped":
                shipped = msgspec.json.decode(event.data, type=OrderShipped)
                self._shipped[shipped.id] = shipped.version
            case _:
                self._apply_payment(event, msgspec.json.decode(event.data, type=PaymentEvent))

    def _apply_payment(self, event: ReceivedEvent, payment: PaymentEvent) -> None:
        match event.subject:
            case "payment:created":
                self._paid.add(payment.order_id)
                self._ended.add(payment.id)
            case "payment:authorized":
                self._authorized[payment.order_id].add(payment.id)
            case "payment:pending":
                self._pending.setdefault(payment.id, event.at)
            case "payment:voided":
                self._voided.add(payment.id)
                self._ended.add(payment.id)
            case "payment:failed":
                self._ended.add(payment.id)
            case _:
                pass

    def find(self, order_id: str) -> Order | None:
        """Return an order, or None if its creation was not received."""
        known = self._created.get(order_id)
        if known is None:
            return None
        created, at = known
        return Order(
            id=order_id,
            version=max(
                created.version,
                *(known.get(order_id, 0) for known in (self._shipped, self._cancelled)),
            ),
            status=self._status(order_id),
            user_id=created.user_id,
            price=created.ticket.price,
            ticket_id=created.ticket.id,
            created_at=at,
            expires_at=_parse_time(created.expires_at),
            capture=created.capture,
            is_shipped=order_id in self._shipped,
        )

    def _status(self, order_id: str) -> Status:
        if order_id in self._cancelled:
            return "cancelled"
        if order_id in self._paid:
            return "complete"
        return "authorized" if self._authorized.get(order_id, set()) - self._voided else "created"

    def pending_payments(self) -> Mapping[str, datetime]:
        """Return the payments whose money comes later, with the time of their event."""
        return {
            payment_id: at
            for payment_id, at in self._pending.items()
            if payment_id not in self._ended
        }

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


def _parse_time(text: str) -> datetime | None:
    """Return the time, or None if the text is no time: `expiresAt` may be any text."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
