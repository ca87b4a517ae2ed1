"""Reading of PayPal's objects."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from adapters.gateways.paypal.amounts import from_paypal
from application.ports.payment_gateway import OutcomeUnknown
from domain.money import Money

Json = Mapping[str, Any]

MAX_TEXT: Final = 255
"""The longest text in characters that we store; PayPal's identifiers have at most 36."""

MAX_ADDRESS: Final = 2048
"""The longest address that is passed on to the customer."""

ID: Final = re.compile(r"[A-Z0-9]{1,36}", re.ASCII)
"""An id of PayPal's (https://developer.paypal.com/docs/api/orders/v2/#orders_get)."""

_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")


class Unreadable(OutcomeUnknown):
    """PayPal's object is not as documented."""


def text(obj: Json, name: str, most: int = MAX_TEXT) -> str:
    """Return a required text field that can be stored.

    Raises:
        Unreadable: it is missing, empty, too long, not text, or not Unicode.
    """
    value = obj.get(name)
    if not isinstance(value, str) or not value:
        raise Unreadable(f"PayPal's object has no {name}")
    if len(value) > most or _UNSTORABLE.search(value):
        raise Unreadable(f"PayPal's {name} is too long, or not text")
    return value


def identifier(obj: Json, name: str = "id") -> str:
    """Return a required id of PayPal's.

    Raises:
        Unreadable: it is missing, or not one.
    """
    value = text(obj, name)
    if not ID.fullmatch(value):
        raise Unreadable(f"PayPal's {name} is no identifier")
    return value


def nested(obj: Json, name: str) -> Json:
    """Return a nested object; empty if there is none."""
    value = obj.get(name)
    return value if isinstance(value, dict) else {}


def items(obj: Json, name: str) -> list[Json]:
    """Return a list of objects; empty if there is none.

    Raises:
        Unreadable: it contains anything else.
    """
    value = obj.get(name, [])
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise Unreadable(f"PayPal's {name} is no list of objects")
    return value


def amount(obj: Json, name: str = "amount") -> Money:
    """Return an amount.

    Raises:
        Unreadable: it is missing, or we cannot express it.
    """
    try:
        return from_paypal(nested(obj, name))
    except ValueError as error:
        raise Unreadable(f"PayPal's {name}: {error}") from None


def time(obj: Json, name: str) -> datetime:
    """Return a time (RFC 3339).

    Raises:
        Unreadable: it is missing, or not one.
    """
    try:
        found = datetime.fromisoformat(text(obj, name))
        if found.tzinfo is not None:
            return found.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise Unreadable(f"PayPal's {name} is no time")


def link(obj: Json, *names: str) -> str | None:
    """Return the first address with one of these relations, in this order; None if there is none.

    https://developer.paypal.com/api/rest/responses/#hateoas-links
    """
    links = obj.get("links")
    found = {
        each.get("rel"): each.get("href")
        for each in (links if isinstance(links, list) else ())
        if isinstance(each, dict) and isinstance(each.get("rel"), str)
    }
    for name in names:
        address = found.get(name)
        if isinstance(address, str) and address.startswith(("https://", "http://")):
            return address if len(address) <= MAX_ADDRESS else None
    return None
