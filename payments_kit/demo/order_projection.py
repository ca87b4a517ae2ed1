"""What the demo's orders side knows: every event it heard, and the orders that follow from them."""

from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, Literal

import msgspec
from attrs import define, field, frozen

ORDER_CREATED: Final = "order:created"
ORDER_CANCELLED: Final = "order:cancelled"
PAYMENT_CREATED: Final = "payment:created"
PAYMENT_REFUNDED: Final = "payment:refunded"
PAYMENT_FAILED: Final = "payment:failed"
SUBJECTS: Final = (
    ORDER_CREATED,
    ORDER_CANCELLED,
    PAYMENT_CREATED,
    PAYMENT_REFUNDED,
    PAYMENT_FAILED,
)

# More than a page shows; the streams have them all.
EVENTS_KEPT: Final = 500

Status = Literal["created", "complete", "cancelled"]


class Ticket(msgspec.Struct, frozen=True):
    """What is sold; the price in major units, 19.99 is $19.99."""

    id: str
    price: Decimal


class OrderCreated(msgspec.Struct, frozen=True, rename="camel"):
    """The body of `order:created`, as in the seed."""

    id: str
    version: int
    status: str
    user_id: str
    expires_at: str
    ticket: Ticket


class TicketId(msgspec.Struct, frozen=True):
    """Which ticket is free again."""

    id: str


class OrderCancelled(msgspec.Struct, frozen=True):
    """The body of `order:cancelled`, as in the seed."""

    id: str
    version: int
    ticket: TicketId


class AboutOrder(msgspec.Struct, frozen=True, rename="camel"):
    """What the bodies of all events of the payments service have in common."""

    id: str
    order_id: str


@frozen
class Heard:
    """An event as it was stored by the broker."""

    at: datetime
    subject: str
    data: bytes

    @property
    def body(self) -> Mapping[str, Any]:
        """The event's body, for showing and comparing."""
        body: Mapping[str, Any] = msgspec.json.decode(self.data, type=dict[str, Any])
        return body


@frozen
class Order:
    """An order as it stands."""

    id: str
    version: int
    status: Status
    user_id: str
    price: Decimal
    ticket_id: str
    created_at: datetime
    expires_at: datetime | None

    def is_overdue(self, now: datetime) -> bool:
        """Whether its time is over and nobody has paid."""
        return self.status == "created" and self.expires_at is not None and self.expires_at <= now


@define
class OrderBook:
    """Facts are only ever added, and an order's status follows from them.

    So any order of arrival ends alike, a repetition changes nothing, and the whole book can be
    written anew from the streams.
    """

    events: deque[Heard] = field(factory=lambda: deque(maxlen=EVENTS_KEPT))
    _created: dict[str, tuple[OrderCreated, datetime]] = field(factory=dict)
    _cancelled: dict[str, int] = field(factory=dict)
    _paid: set[str] = field(factory=set)

    def hear(self, event: Heard) -> None:
        """Learn of an event and keep it for showing; one that cannot be read is not ours to judge."""
        try:
            self.learn(event)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        if event not in self.events:
            self.events.append(event)

    def learn(self, event: Heard) -> None:
        """Take in the facts of an event.

        Raises:
            msgspec.DecodeError, UnicodeDecodeError: it is not of its subject's shape.
        """
        match event.subject:
            case "order:created":
                created = msgspec.json.decode(event.data, type=OrderCreated)
                self._created.setdefault(created.id, (created, event.at))
            case "order:cancelled":
                cancelled = msgspec.json.decode(event.data, type=OrderCancelled)
                self._cancelled[cancelled.id] = cancelled.version
            case "payment:created":
                self._paid.add(msgspec.json.decode(event.data, type=AboutOrder).order_id)
            case _:
                msgspec.json.decode(event.data, type=AboutOrder)

    def find(self, order_id: str) -> Order | None:
        """One order, if it was created here."""
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
            expires_at=_time(created.expires_at),
        )

    def _status(self, order_id: str) -> Status:
        if order_id in self._cancelled:
            return "cancelled"
        return "complete" if order_id in self._paid else "created"

    def orders(self) -> list[Order]:
        """All orders, the newest first."""
        found = [order for order_id in self._created if (order := self.find(order_id))]
        return sorted(found, key=lambda order: order.created_at, reverse=True)

    def about(self, order_id: str, subject: str) -> list[Heard]:
        """The events of one kind about one order, in the order in which they were heard."""
        return [
            event
            for event in self.events
            if event.subject == subject
            and order_id in (event.body.get("orderId"), event.body.get("id"))
        ]


def _time(text: str) -> datetime | None:
    """A moment, or None where the text is none: `expiresAt` may be anything."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
