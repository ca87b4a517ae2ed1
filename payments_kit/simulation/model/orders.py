"""Orders: what an order event says, and what an order has to be after its events."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from payments_kit.simulation.model.amounts import Amount
from payments_kit.simulation.model.records import OrderEvent

# How many decimals a price may have; two if the currency is not listed. ISO 4217, list one:
# https://www.six-group.com/en/products-services/financial-information/data-standards.html
_DECIMALS: Final = {
    **dict.fromkeys(("bif", "clp", "djf", "gnf", "isk", "jpy", "kmf", "krw", "pyg", "rwf"), 0),
    **dict.fromkeys(("ugx", "uyi", "vnd", "vuv", "xaf", "xof", "xpf"), 0),
    **dict.fromkeys(("bhd", "iqd", "jod", "kwd", "lyd", "omr", "tnd"), 3),
    **dict.fromkeys(("clf", "uyw"), 4),
}


class ExpectedOrder(NamedTuple):
    """What an order has to be; several values are right if the newest version came twice."""

    version: int
    is_cancelled: bool
    newest: tuple[OrderEvent, ...]
    """The events with the newest terms; empty if it has only been cancelled."""


def expected_orders(events: Iterable[OrderEvent]) -> dict[str, ExpectedOrder]:
    """Return what each order has to be, in whatever order its events were delivered."""
    events_of = dict[str, list[OrderEvent]]()
    for event in events:
        events_of.setdefault(event.id, []).append(event)
    return {order_id: _expected(each) for order_id, each in events_of.items()}


def _expected(events: list[OrderEvent]) -> ExpectedOrder:
    with_terms = [event for event in events if event.price is not None]
    newest = max((event.version for event in with_terms), default=0)
    return ExpectedOrder(
        version=max(event.version for event in events),
        is_cancelled=any(event.is_cancelled for event in events),
        newest=tuple(event for event in with_terms if event.version == newest),
    )


def read_order_event(subject: str, data: bytes, currency: str = "usd") -> OrderEvent | None:
    """Read an event of the orders service; None if it can never be used."""
    try:
        body = json.loads(data, parse_float=Decimal)
        order_id, version = _text(body["id"]), body["version"]
        if type(version) is not int:
            return None
        if subject.endswith("order:cancelled"):
            return OrderEvent(order_id, version, is_cancelled=True)
        if subject.endswith("order:shipped"):
            return OrderEvent(order_id, version, is_shipped=True, shipped=_units(body))
        ticket = body["ticket"]
        named = body.get("currency") or ticket.get("currency") or currency
        return OrderEvent(
            order_id,
            version,
            body.get("status") == "cancelled",
            _text(body["userId"]),
            _exact(ticket["price"], named.lower()),
            _time(body.get("expiresAt")),
            capture=body.get("capture"),
        )
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError):
        return None


def _units(body: dict[str, Any]) -> int | None:
    amount = body.get("amount")
    if amount is not None and (type(amount) is not int or amount <= 0):
        raise ValueError("not an amount to capture")
    return amount


def _text(identifier: Any) -> str:
    if isinstance(identifier, str) and identifier:
        return identifier
    if type(identifier) is int:
        return str(identifier)
    raise ValueError("not an identifier")


def _exact(price: Any, currency: str) -> Amount:
    """Return a price in minor units.

    Raises:
        ValueError: the currency cannot express it.
    """
    if isinstance(price, bool):
        raise TypeError("not a price")
    minor_units = Decimal(price).scaleb(_DECIMALS.get(currency, 2))
    if minor_units < 0 or minor_units != int(minor_units):
        raise ValueError("more decimals than the currency has")
    return Amount(int(minor_units), currency)


def _time(value: Any) -> datetime | None:
    """Return the time of ISO 8601 or of epoch milliseconds; None if it cannot be read."""
    try:
        if isinstance(value, str):
            time = datetime.fromisoformat(value)
            return time if time.tzinfo else time.replace(tzinfo=UTC)
        return datetime.fromtimestamp(value / 1000, UTC)
    except (ValueError, TypeError, OverflowError, OSError):
        return None
