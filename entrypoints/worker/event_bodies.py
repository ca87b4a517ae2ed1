"""Decode the bodies of inbound events."""

import re
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Final, TypeVar

import msgspec

from application.use_cases.cancel_order import OrderCancellation
from domain.capture import CaptureMode
from domain.identifiers import OrderId, UserId
from domain.money import MAX_MINOR_UNITS, Currency, InexactAmount, Money, UnknownCurrency
from domain.replica import OrderReplica, Shipment, Terms
from entrypoints.opaque_ids import read_id
from entrypoints.worker.expiry import NotUnderstood, read_expiry
from entrypoints.worker.json_object import NotOneObject, decode_object
from entrypoints.worker.order_events import (
    DIGITS,
    MAX_VERSION,
    NUMBER,
    ORDER_CANCELLED,
    ORDER_CREATED,
    ORDER_SHIPPED,
    STATUSES,
    OrderCancelledBody,
    OrderCreatedBody,
    OrderShippedBody,
    PaidOrderBody,
)

MAX_BYTES: Final = 64 * 1024
"""The largest body that is decoded; an order event has a few hundred bytes."""

MAX_REASON: Final = 200
"""The longest reason in characters: long enough to name the problem, too short to copy an event."""

_MODES: Final = {each.value: each for each in CaptureMode}

_DIGITS: Final = re.compile(DIGITS)

_NUMBER: Final = re.compile(NUMBER)


class MalformedEvent(Exception):
    """The event can never be used; the reason names the field and quotes no long values."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason[:MAX_REASON])

    @property
    def reason(self) -> str:
        """What is wrong, in at most MAX_REASON characters."""
        return str(self)


# The fields that decide about money; any other may be doubled.
_UNIQUE: Final = (
    *("id", "version", "status", "userId", "expiresAt", "currency", "orderId"),
    *("ticket", "ticket.price", "ticket.currency", "capture", "amount"),
)

_Body = TypeVar("_Body")

_CREATED: Final = msgspec.json.Decoder(OrderCreatedBody)
_CANCELLED: Final = msgspec.json.Decoder(OrderCancelledBody)
_SHIPPED: Final = msgspec.json.Decoder(OrderShippedBody)
_PAYMENT_CREATED: Final = msgspec.json.Decoder(PaidOrderBody)


def decode(
    subject: str, data: bytes, currency: Currency, capture_subject: str = ORDER_SHIPPED
) -> OrderReplica | OrderCancellation:
    """Decode an order event.

    Args:
        subject: `order:created`, `order:cancelled` or the one below.
        data: the body; any bytes are allowed.
        currency: the currency of prices without a currency of their own.
        capture_subject: the subject of `order:shipped`.

    Raises:
        MalformedEvent: the event can never be used; no other exception is raised.
    """
    if subject == ORDER_CREATED:
        return _replica(_decode(_CREATED, data), currency)
    if subject == ORDER_CANCELLED:
        cancelled = _decode(_CANCELLED, data)
        return OrderCancellation(OrderId(_id("id", cancelled.id)), _version(cancelled.version))
    if subject == capture_subject:
        shipped = _decode(_SHIPPED, data)
        shipment = Shipment(_version(shipped.version), _amount(shipped.amount))
        return OrderReplica.shipped(OrderId(_id("id", shipped.id)), shipment)
    raise MalformedEvent(f"no events are expected on subject {subject[:64]!r}")


def decode_payment_created(data: bytes) -> OrderId:
    """Return the order that a `payment:created` event reports as paid; other fields are ignored.

    Raises:
        MalformedEvent: as for `decode`.
    """
    return OrderId(_id("orderId", _decode(_PAYMENT_CREATED, data).order_id))


def _replica(body: OrderCreatedBody, currency: Currency) -> OrderReplica:
    terms = Terms(
        version=_version(body.version),
        user_id=UserId(_id("userId", body.user_id)),
        price=_price(bytes(body.ticket.price), _currency(body, currency)),
        expires_at=_expiry(bytes(body.expires_at)),
        capture=_capture(body.capture),
    )
    status = STATUSES.get(body.status)
    if status is None:
        raise MalformedEvent(f"status: must be one of {', '.join(STATUSES)}")
    return OrderReplica.created(OrderId(_id("id", body.id)), terms, status)


def _decode(decoder: msgspec.json.Decoder[_Body], data: bytes) -> _Body:
    if len(data) > MAX_BYTES:
        raise MalformedEvent(f"{len(data)} bytes are more than {MAX_BYTES}")
    try:
        return decode_object(decoder, data, _UNIQUE)
    except NotOneObject as error:
        raise MalformedEvent(str(error)) from None


def _id(field: str, value: object) -> str:
    try:
        return read_id(value)
    except ValueError as error:
        raise MalformedEvent(f"{field}: {error}") from None


def _version(value: object) -> int:
    """Return a version; some serializers write large numbers as text."""
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if type(value) is not int or not 0 <= value <= MAX_VERSION:
        raise MalformedEvent(f"version: must be a whole number from 0 to {MAX_VERSION}")
    return value


def _capture(value: object) -> CaptureMode | None:
    if value is None:
        return None
    if not isinstance(value, str) or value not in _MODES:
        raise MalformedEvent(f"capture: must be one of {', '.join(_MODES)}")
    return _MODES[value]


def _amount(value: object) -> int | None:
    """Return minor units; some serializers write large numbers as text."""
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if value is None:
        return None
    if type(value) is not int or not 0 < value <= MAX_MINOR_UNITS:
        raise MalformedEvent(
            f"amount: must be a whole number of minor units from 1 to {MAX_MINOR_UNITS}"
        )
    return value


def _currency(body: OrderCreatedBody, default: Currency) -> Currency:
    codes = {code.lower() for code in (body.ticket.currency, body.currency) if code is not None}
    if len(codes) > 1:
        raise MalformedEvent("currency: contradicts ticket.currency")
    try:
        return Currency.of(codes.pop()) if codes else default
    except UnknownCurrency as error:
        raise MalformedEvent(f"currency: {error}") from None


def _price(value: bytes, currency: Currency) -> Money:
    try:
        is_text = value.startswith(b'"')
        text = msgspec.json.decode(value, type=str) if is_text else value.decode()
        # Decimal would accept more, such as underscores and digits of other scripts.
        if not _NUMBER.fullmatch(text):
            raise InvalidOperation
        return Money.from_major(Decimal(text), currency)
    except (InexactAmount, InvalidOperation, ValueError):
        raise MalformedEvent(
            f"ticket.price: must be a number of {currency.code}, not negative, not too large, "
            f"with at most {currency.decimals} decimals"
        ) from None


def _expiry(value: bytes) -> datetime | None:
    try:
        return read_expiry(value)
    except NotUnderstood:
        return None


def expiry_problem(data: bytes) -> str | None:
    """Return why an `order:created` event that was decoded has no expiry, unless it states none."""
    try:
        read_expiry(bytes(_decode(_CREATED, data).expires_at))
    except NotUnderstood as error:
        return f"expiresAt is neither an ISO 8601 time nor epoch milliseconds: {error}"
    return None
