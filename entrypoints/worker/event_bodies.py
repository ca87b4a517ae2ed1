"""What the bodies of inbound events say, or why they cannot be used."""

import json
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Final, TypeVar

import msgspec

from application.use_cases.cancel_order import OrderCancellation
from domain.identifiers import OrderId, UserId
from domain.money import Currency, InexactAmount, Money, UnknownCurrency
from domain.replica import OrderReplica, OrderStatus, Terms

ORDER_CREATED: Final = "order:created"
ORDER_CANCELLED: Final = "order:cancelled"
PAYMENT_CREATED: Final = "payment:created"

MAX_BYTES: Final = 64 * 1024
"""An order event is a few hundred bytes; whatever is longer is none."""

MAX_REASON: Final = 200
"""Enough to name what is wrong, too little to copy the event into a log."""

MAX_ID: Final = 255
"""Ids are opaque, but they become keys of an index; longer than any id scheme in use."""

# What the OrderStatus of the shop knows (@chticketing/common). Ours has no `awaiting:payment`: for
# a payment it is the same as `created`.
_STATUSES: Final = {
    "created": OrderStatus.CREATED,
    "awaiting:payment": OrderStatus.CREATED,
    "complete": OrderStatus.COMPLETE,
    "cancelled": OrderStatus.CANCELLED,
}


class MalformedEvent(Exception):
    """The event can never be used; the reason names the field and repeats no long values."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason[:MAX_REASON])

    @property
    def reason(self) -> str:
        """Why, in at most MAX_REASON characters."""
        return str(self)


_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_ID)]
# The largest whole number every JSON reader holds exactly (RFC 8259, section 6).
_Version = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]


class _Ticket(msgspec.Struct):
    # As it is written: a price never passes through a float.
    price: msgspec.Raw
    currency: str | None = None


class _Created(msgspec.Struct, rename="camel"):
    id: _Id
    version: _Version
    status: str
    user_id: _Id
    ticket: _Ticket
    expires_at: msgspec.Raw = msgspec.Raw(b"null")
    currency: str | None = None


class _Cancelled(msgspec.Struct):
    id: _Id
    version: _Version


class _PaymentCreated(msgspec.Struct, rename="camel"):
    order_id: _Id


_Body = TypeVar("_Body")

_CREATED: Final = msgspec.json.Decoder(_Created)
_CANCELLED: Final = msgspec.json.Decoder(_Cancelled)
_PAYMENT_CREATED: Final = msgspec.json.Decoder(_PaymentCreated)


def decode(subject: str, data: bytes, currency: Currency) -> OrderReplica | OrderCancellation:
    """Read an order event; `currency` is that of prices which carry none.

    Raises:
        Poison: it can never be used, whatever the bytes; nothing else is raised.
    """
    if subject == ORDER_CREATED:
        return _created(_read(_CREATED, data), currency)
    if subject == ORDER_CANCELLED:
        cancelled = _read(_CANCELLED, data)
        return OrderCancellation(OrderId(_text("id", cancelled.id)), cancelled.version)
    raise MalformedEvent(f"no events are expected on subject {subject[:64]!r}")


def decode_payment_created(data: bytes) -> OrderId:
    """Read a `payment:created` event: which order was paid.

    Raises:
        Poison: as with `decode`.
    """
    return OrderId(_text("orderId", _read(_PAYMENT_CREATED, data).order_id))


def _created(body: _Created, currency: Currency) -> OrderReplica:
    terms = Terms(
        version=body.version,
        user_id=UserId(_text("userId", body.user_id)),
        price=_price(bytes(body.ticket.price), _currency(body, currency)),
        expires_at=_expiry(body.expires_at),
    )
    status = _STATUSES.get(body.status)
    if status is None:
        raise MalformedEvent(f"status: must be one of {', '.join(_STATUSES)}")
    return OrderReplica.created(OrderId(_text("id", body.id)), terms, status)


def _read(decoder: msgspec.json.Decoder[_Body], data: bytes) -> _Body:
    if len(data) > MAX_BYTES:
        raise MalformedEvent(f"{len(data)} bytes are more than {MAX_BYTES}")
    try:
        body = decoder.decode(data)
        # msgspec lets the last of several equal names win, other readers the first.
        json.loads(data, object_pairs_hook=_all_different, parse_int=str, parse_float=str)
    except msgspec.ValidationError as error:
        raise MalformedEvent(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedEvent(f"not JSON: {type(error).__name__}") from None
    return body


def _all_different(pairs: list[tuple[str, object]]) -> None:
    if len({name for name, _ in pairs}) < len(pairs):
        raise MalformedEvent("a name appears twice in one object")


def _text(field: str, text: str) -> str:
    if "\0" in text:
        raise MalformedEvent(f"{field}: contains NUL, which PostgreSQL cannot keep")
    return text


def _currency(body: _Created, default: Currency) -> Currency:
    said = {code.lower() for code in (body.ticket.currency, body.currency) if code is not None}
    if len(said) > 1:
        raise MalformedEvent("currency: contradicts ticket.currency")
    try:
        return Currency.of(said.pop()) if said else default
    except UnknownCurrency as error:
        raise MalformedEvent(f"currency: {error}") from None


def _price(text: bytes, currency: Currency) -> Money:
    # A JSON number begins so (RFC 8259, section 6); anything else here is another type.
    if not text[:1].isdigit() and not text.startswith(b"-"):
        raise MalformedEvent("ticket.price: must be a number")
    try:
        return Money.from_major(Decimal(text.decode()), currency)
    except (InexactAmount, InvalidOperation):
        raise MalformedEvent(
            f"ticket.price: must be a number of {currency.code}, not negative, not too large, "
            f"with at most {currency.decimals} decimals"
        ) from None


def _expiry(text: msgspec.Raw) -> datetime | None:
    """When the order expires; None for whatever is no ISO 8601 time. Without an offset it is UTC."""
    try:
        said = datetime.fromisoformat(msgspec.json.decode(text, type=str))
        return (said if said.tzinfo else said.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
