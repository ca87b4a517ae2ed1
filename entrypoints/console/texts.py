"""Amounts, times and sizes as an operator reads them."""

from datetime import UTC, datetime, timedelta
from typing import Final

from domain.money import Currency, Money

_STEPS: Final = (
    (timedelta(days=365), "year"),
    (timedelta(days=30), "month"),
    (timedelta(days=1), "day"),
    (timedelta(hours=1), "hour"),
    (timedelta(minutes=1), "minute"),
    (timedelta(seconds=1), "second"),
)


def amount_text(minor_units: int, currency: str) -> str:
    """Return an amount in major units with its currency, such as `1,234.50 USD`."""
    money = Money(minor_units, Currency(currency))
    return f"{money.major:,.{money.currency.decimals}f} {currency.upper()}"


def step_of(currency: str) -> str:
    """Return the smallest amount of a currency in major units: `0.01` of usd, `1` of jpy."""
    return f"{Money(1, Currency(currency)).major:f}"


def absolute(at: datetime) -> str:
    """Return a time to the second, in UTC."""
    return f"{at.astimezone(UTC):%-d %b %Y, %H:%M:%S} UTC"


def relative(at: datetime, now: datetime) -> str:
    """Return how far away a time is, in its largest unit."""
    length = duration(abs(now - at))
    if length == "0 seconds":
        return "now"
    return f"in {length}" if at > now else f"{length} ago"


def duration(length: timedelta) -> str:
    """Return a length of time in its largest unit."""
    for step, name in _STEPS:
        number = length // step
        if number:
            return f"{number} {name}{'s' * (number > 1)}"
    return "0 seconds"


def words(value: str) -> str:
    """Return a status as words: `requires_action` is `Requires action`."""
    return value.replace("_", " ").capitalize()


MAX_SHOWN_BYTES: Final = 64 * 1024
"""More of a body nobody reads in a page; `payments dead-letters show` prints all of it."""


def bytes_text(data: bytes) -> str:
    """Return a body as text; what is no text of UTF-8, or cannot be seen, as escapes."""
    text = data[:MAX_SHOWN_BYTES].decode("utf-8", "backslashreplace")
    shown = "".join(each if each.isprintable() or each == "\n" else _escaped(each) for each in text)
    left = len(data) - MAX_SHOWN_BYTES
    return f"{shown}\n… and {size_text(left)} more" if left > 0 else shown


def size_text(size: int) -> str:
    """Return a number of bytes."""
    if size < 1024:
        return f"{size} B"
    return f"{size / 1024:.1f} KiB" if size < 1024**2 else f"{size / 1024**2:.1f} MiB"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
