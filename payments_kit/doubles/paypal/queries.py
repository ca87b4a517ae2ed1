"""Query parameters of lists: times, numbers and choices, with PayPal's errors."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime

from payments_kit.doubles.paypal.errors import Json, PayPalFailure, by_status

# Seconds are required, and an offset; https://developer.paypal.com/docs/api/transaction-search/v1/
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def wrong(field: str, issue: str, value: str | None = None) -> PayPalFailure:
    """Return the error for a query parameter."""
    detail: Json = {"field": field, "location": "query", "issue": issue}
    if value is not None:
        detail["value"] = value[:100]
    return by_status(400, [detail])


def check_names(query: Mapping[str, str], known: Iterable[str]) -> None:
    """Refuse unknown parameters, which PayPal ignores."""
    for name in query.keys() - frozenset(known):
        raise wrong(name, "NOT_SUPPORTED")


def required(query: Mapping[str, str], name: str) -> str:
    """Return a parameter that must be there."""
    if not query.get(name):
        raise wrong(name, "MISSING_REQUIRED_PARAMETER")
    return query[name]


def seconds(field: str, text: str) -> float:
    """Return a time in seconds since 1970."""
    try:
        if _TIME.fullmatch(text) is None:
            raise ValueError
        return datetime.fromisoformat(text.upper()).timestamp()
    except ValueError:
        raise wrong(field, "INVALID_PARAMETER_SYNTAX", text) from None


def number(query: Mapping[str, str], name: str, default: int, most: int) -> int:
    """Return a number from 1 to `most`."""
    text = query.get(name, str(default))
    # More digits than any page or page size has are not read.
    if re.fullmatch(r"[0-9]{1,9}", text) is None or not 1 <= int(text) <= most:
        raise wrong(name, "INVALID_PARAMETER_VALUE", text)
    return int(text)
