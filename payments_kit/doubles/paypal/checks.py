"""Checks of the JSON of a request, with PayPal's errors.

https://developer.paypal.com/api/rest/reference/orders/v2/errors/
"""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from payments_kit.doubles.paypal.errors import failed

Check = Callable[[str, Any], None]
"""Takes a field's JSON pointer and its value; raises PayPal's error."""

# https://developer.paypal.com/docs/api/orders/v2/#definition-money
_VALUE = re.compile(r"((-?[0-9]+)|(-?([0-9]+)?[.][0-9]+))")
MAX_VALUE_LENGTH = 32
MAX_URL_LENGTH = 2048  # what PayPal allows of a webhook's URL


def text(longest: int, pattern: str = r".*", shortest: int = 1) -> Check:
    """Return a check of a text's length and syntax."""
    syntax = re.compile(pattern, re.DOTALL)

    def check(field: str, raw: Any) -> None:
        if not isinstance(raw, str):
            raise failed("INVALID_PARAMETER_SYNTAX", field, raw)
        if not shortest <= len(raw) <= longest:
            raise failed("INVALID_STRING_LENGTH", field, raw)
        if syntax.fullmatch(raw) is None:
            raise failed("INVALID_PARAMETER_SYNTAX", field, raw)

    return check


def one_of(*allowed: str) -> Check:
    """Return a check that allows these values only."""

    def check(field: str, raw: Any) -> None:
        if not isinstance(raw, str) or raw not in allowed:
            raise failed("INVALID_PARAMETER_VALUE", field, raw)

    return check


def boolean(field: str, raw: Any) -> None:
    """Check true or false."""
    if not isinstance(raw, bool):
        raise failed("INVALID_PARAMETER_SYNTAX", field, raw)


def url(field: str, raw: Any) -> None:
    """Check an absolute URL of a web page."""
    text(MAX_URL_LENGTH)(field, raw)
    parts = urlsplit(raw)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise failed("INVALID_PARAMETER_SYNTAX", field, raw)


def fields(*required: str, **each: Check) -> Check:
    """Return a check of an object that has these fields only, and those that are required.

    PayPal ignores some fields that it does not know; the double refuses them all.
    """

    def check(field: str, raw: Any) -> None:
        if not isinstance(raw, dict):
            raise failed("INVALID_PARAMETER_SYNTAX", field or "/", raw)
        for name in required:
            if raw.get(name) is None:
                raise failed("MISSING_REQUIRED_PARAMETER", f"{field}/{name}")
        for name, value in raw.items():
            if name not in each:
                raise failed("NOT_SUPPORTED", f"{field}/{name}")
            each[name](f"{field}/{name}", value)

    return check


def array(item: Check, longest: int, shortest: int = 1) -> Check:
    """Return a check of a list."""

    def check(field: str, raw: Any) -> None:
        if not isinstance(raw, list):
            raise failed("INVALID_PARAMETER_SYNTAX", field, raw)
        if len(raw) < shortest:
            raise failed("INVALID_ARRAY_MIN_ITEMS", field)
        if len(raw) > longest:
            raise failed("INVALID_ARRAY_MAX_ITEMS", field)
        for index, each in enumerate(raw):
            item(f"{field}/{index}", each)

    return check


MONEY = fields(
    "currency_code",
    "value",
    currency_code=text(3, shortest=3),
    value=text(MAX_VALUE_LENGTH, _VALUE.pattern),
)
