"""The events that the demo's orders service publishes and consumes."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal

import msgspec
from attrs import frozen

from payments_kit.orders.events import SUBJECTS as PAYMENT_SUBJECTS

ORDER_CREATED: Final = "order:created"
ORDER_CANCELLED: Final = "order:cancelled"
ORDER_SHIPPED: Final = "order:shipped"
PAYMENT_CREATED: Final = "payment:created"
PAYMENT_REFUNDED: Final = "payment:refunded"
PAYMENT_FAILED: Final = "payment:failed"
PAYMENT_PENDING: Final = "payment:pending"
PAYMENT_VOIDED: Final = "payment:voided"
SUBJECTS: Final = (ORDER_CREATED, ORDER_CANCELLED, ORDER_SHIPPED, *PAYMENT_SUBJECTS)

Capture = Literal["automatic", "manual"]
"""When the money of an order is captured: at once, or when the order ships."""


class Ticket(msgspec.Struct, frozen=True):
    """The ticket that is sold; the price is in major units: 19.99 is $19.99."""

    id: str
    price: Decimal


class OrderCreated(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """The body of `order:created`, as in the reference service, whose orders have no `capture`."""

    id: str
    version: int
    status: str
    user_id: str
    expires_at: str
    ticket: Ticket
    capture: Capture = "automatic"


class TicketId(msgspec.Struct, frozen=True):
    """The ticket that can be sold again."""

    id: str


class OrderCancelled(msgspec.Struct, frozen=True):
    """The body of `order:cancelled`, as in the reference service."""

    id: str
    version: int
    ticket: TicketId


class OrderShipped(msgspec.Struct, frozen=True):
    """The body of `order:shipped`: all that is authorized is to be captured."""

    id: str
    version: int


@frozen
class ReceivedEvent:
    """An event with the time at which the broker stored it."""

    at: datetime
    subject: str
    data: bytes

    @property
    def body(self) -> Mapping[str, Any]:
        """The decoded JSON body."""
        body: Mapping[str, Any] = msgspec.json.decode(self.data, type=dict[str, Any])
        return body
