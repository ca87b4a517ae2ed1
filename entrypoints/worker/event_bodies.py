"""Decode the bodies of inbound events."""

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
"""The largest body that is decoded; an order event has a few hundred bytes."""

MAX_REASON: Final = 200
"""The longest reason in characters: long enough to name the problem, too short to copy an event."""

MAX_ID: Final = 255
"""The longest id in characters: ids are opaque, but are indexed, so they are limited; a UUID has
36."""

# The values of the shop's OrderStatus (@chticketing/common). For a payment, `awaiting:payment` is
# the same as `created`.
_STATUSES: Final = {
    "created": OrderStatus.CREATED,
    "awaiting:payment": OrderStatus.CREATED,
    "complete": OrderStatus.COMPLETE,
    "cancelled": OrderStatus.CANCELLED,
}


class MalformedEvent(Exception):
    """The event can never be used; the reason names the field and quotes no long values."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason[:MAX_REASON])

    @property
    def reason(self) -> str:
        """What is wrong, in at most MAX_REASON characters."""
        return str(self)


_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_ID)]
# The largest whole number that every JSON parser represents exactly (RFC 8259, section 6).
_Version = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]


class _Ticket(msgspec.Struct):
    # The number as it is written, so that a price is never converted to a float.
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
    """Decode an order event.

    Args:
        subject: `order:created` or `order:cancelled`.
        data: the body; any bytes are allowed.
        currency: the currency of prices without a currency of their own.

    Raises:
        MalformedEvent: the event can never be used; no other exception is raised.
    """
    if subject == ORDER_CREATED:
        return _replica(_decode(_CREATED, data), currency)
    if subject == ORDER_CANCELLED:
        cancelled = _decode(_CANCELLED, data)
        return OrderCancellation(OrderId(_text("id", cancelled.id)), cancelled.version)
    raise MalformedEvent(f"no events are expected on subject {subject[:64]!r}")


def decode_payment_created(data: bytes) -> OrderId:
    """Return the order that a `payment:created` event reports as paid; other fields are ignored.

    Raises:
        MalformedEvent: as for `decode`.
    """
    return OrderId(_text("orderId", _decode(_PAYMENT_CREATED, data).order_id))


def _replica(body: _Created, currency: Currency) -> OrderReplica:
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


def _decode(decoder: msgspec.json.Decoder[_Body], data: bytes) -> _Body:
    if len(data) > MAX_BYTES:
        raise MalformedEvent(f"{len(data)} bytes are more than {MAX_BYTES}")
    try:
        body = decoder.decode(data)
        # Of two equal names, msgspec takes the last value, and other parsers take the first.
        json.loads(data, object_pairs_hook=_check_unique, parse_int=str, parse_float=str)
    except msgspec.ValidationError as error:
        raise MalformedEvent(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedEvent(f"not JSON: {type(error).__name__}") from None
    return body


def _check_unique(pairs: list[tuple[str, object]]) -> None:
    if len({name for name, _ in pairs}) < len(pairs):
        raise MalformedEvent("a name occurs twice in one object")


def _text(field: str, text: str) -> str:
    if "\0" in text:
        raise MalformedEvent(f"{field}: contains NUL, which PostgreSQL cannot store")
    return text


def _currency(body: _Created, default: Currency) -> Currency:
    codes = {code.lower() for code in (body.ticket.currency, body.currency) if code is not None}
    if len(codes) > 1:
        raise MalformedEvent("currency: contradicts ticket.currency")
    try:
        return Currency.of(codes.pop()) if codes else default
    except UnknownCurrency as error:
        raise MalformedEvent(f"currency: {error}") from None


def _price(text: bytes, currency: Currency) -> Money:
    # A JSON number begins with a digit or a minus sign (RFC 8259, section 6).
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
    """Return an ISO 8601 time in UTC, assuming UTC if it has no offset; None for anything else."""
    try:
        expiry = datetime.fromisoformat(msgspec.json.decode(text, type=str))
        return (expiry if expiry.tzinfo else expiry.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
