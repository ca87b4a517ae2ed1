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
