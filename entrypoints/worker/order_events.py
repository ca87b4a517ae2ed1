"""The events that we read: their subjects and bodies, with what their document says of each field.

Fields that several kinds of values are accepted for are decoded as they are, and checked in
`event_bodies`; a test compares these checks with the schemas here.
"""

from typing import Annotated, Any, Final

from msgspec import Meta, Raw, Struct, field

from domain.capture import CaptureMode
from domain.money import MAX_MINOR_UNITS
from domain.replica import OrderStatus
from entrypoints.opaque_ids import MAX_CHARACTERS

ORDER_CREATED: Final = "order:created"
ORDER_CANCELLED: Final = "order:cancelled"
ORDER_SHIPPED: Final = "order:shipped"
PAYMENT_CREATED: Final = "payment:created"

MAX_VERSION: Final = 2**53 - 1
"""The largest whole number that every JSON parser represents exactly (RFC 8259, section 6)."""

DIGITS: Final = "[0-9]{1,16}"
"""A whole number as text: some serializers write large ones so. 2**53 has 16 digits."""

NUMBER: Final = r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?"
"""A JSON number (RFC 8259, section 6), also in text."""

STATUSES: Final = {
    "created": OrderStatus.CREATED,
    "awaiting:payment": OrderStatus.CREATED,
    "complete": OrderStatus.COMPLETE,
    "cancelled": OrderStatus.CANCELLED,
}
"""The values of the shop's OrderStatus (@chticketing/common). For a payment, `awaiting:payment` is
the same as `created`."""


def _meta(description: str, **schema: Any) -> Meta:
    return Meta(description=description, extra_json_schema=schema)


def _whole(least: int, most: int) -> list[dict[str, Any]]:
    return [
        {"type": "integer", "minimum": least, "maximum": most},
        {"type": "string", "pattern": f"^{'(?!0+$)' if least else ''}{DIGITS}$"},
    ]


_ID: Final = {
    "anyOf": [
        {"type": "string", "minLength": 1, "maxLength": MAX_CHARACTERS, "pattern": "^[^\\x00]*$"},
        {"type": "integer", "minimum": -(2**64) + 1, "maximum": 2**64 - 1},
    ]
}
_CURRENCY: Final = {"type": ["string", "null"], "pattern": "^[A-Za-z]{3}$"}

OrderIdValue = Annotated[Any, _meta("Opaque; a whole number is its decimal text", **_ID)]
Version = Annotated[
    Any,
    _meta(
        "Rises with every change of the order: the newest one wins", anyOf=_whole(0, MAX_VERSION)
    ),
]
CurrencyValue = Annotated[
    str | None, _meta("ISO 4217; the service's own currency if there is none", **_CURRENCY)
]


class TicketBody(Struct):
    """What is sold."""

    # Raw: the value as it is written, so that a price is never converted to a float.
    price: Annotated[
        Raw,
        _meta(
            'In major units: 19.99 and "19.99" are exactly 1999 minor units of a currency with two'
            " decimals. One that the currency cannot express is refused, never rounded.",
            anyOf=[{"type": "number", "minimum": 0}, {"type": "string", "pattern": f"^{NUMBER}$"}],
        ),
    ]
    currency: CurrencyValue = None


class OrderCreatedBody(Struct, rename="camel"):
    """An order was created, or has changed: its newest version counts."""

    id: OrderIdValue
    version: Version
    status: Annotated[str, _meta("The status of the order", enum=list(STATUSES))]
    user_id: Annotated[Any, _meta("Who may pay; a whole number is its decimal text", **_ID)]
    ticket: TicketBody
    expires_at: Annotated[
        Raw,
        _meta(
            "Until when it can be paid: ISO 8601, or epoch milliseconds. Without it, and with"
            " anything else, which is an alert, it never expires."
        ),
    ] = field(default_factory=lambda: Raw(b"null"))  # a plain default cannot be in a schema
    currency: CurrencyValue = None
    capture: Annotated[
        Any,
        _meta(
            "When the money is captured; as the service is configured if there is none",
            enum=[*(each.value for each in CaptureMode), None],
        ),
    ] = None


class OrderCancelledBody(Struct):
    """An order is cancelled, for ever; it may be delivered before its `order:created`."""

    id: OrderIdValue
    version: Version


class OrderShippedBody(Struct):
    """An order is shipped: what is authorized for it is captured, and the rest is released."""

    id: OrderIdValue
    version: Version
    amount: Annotated[
        Any,
        _meta(
            "Capture only so many minor units",
            anyOf=[*_whole(1, MAX_MINOR_UNITS), {"type": "null"}],
        ),
    ] = None


class PaidOrderBody(Struct, rename="camel"):
    """What is read of `payment:created`."""

    order_id: OrderIdValue
