"""OrderProjection: the orders as they follow from the received events."""

from collections import deque
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, Literal

import msgspec
from attrs import define, field, frozen

from payments_kit.demo.order_events import (
    OrderCancelled,
    OrderCreated,
    PaymentEvent,
    ReceivedEvent,
)

# More than the page shows; the streams keep all of them.
MAX_EVENTS: Final = 500

Status = Literal["created", "complete", "cancelled"]


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

    def is_overdue(self, now: datetime) -> bool:
        """Return whether the order has expired without a payment."""
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
    _paid: set[str] = field(factory=set)

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
            case "payment:created":
                self._paid.add(msgspec.json.decode(event.data, type=PaymentEvent).order_id)
            case _:
                msgspec.json.decode(event.data, type=PaymentEvent)

    def find(self, order_id: str) -> Order | None:
        """Return an order, or None if its creation was not received."""
        known = self._created.get(order_id)
        if known is None:
            return None
        created, at = known
        return Order(
            id=order_id,
            version=self._cancelled.get(order_id, created.version),
            status=self._status(order_id),
            user_id=created.user_id,
            price=created.ticket.price,
            ticket_id=created.ticket.id,
            created_at=at,
            expires_at=_parse_time(created.expires_at),
        )

    def _status(self, order_id: str) -> Status:
        if order_id in self._cancelled:
            return "cancelled"
        return "complete" if order_id in self._paid else "created"

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
