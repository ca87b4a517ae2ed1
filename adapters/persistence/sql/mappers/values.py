"""The values of rows."""

from functools import lru_cache
from typing import Any, Final

from domain.money import Currency, Money

# ISO 4217 has fewer; more would be codes that are refused, which are not kept.
_MAX_CURRENCIES: Final = 256

Values = tuple[Any, ...]
"""The values of one row, in the order of its columns in tables.py."""


def money_values(money: Money) -> tuple[int, str]:
    """Return an amount in minor units and its currency code."""
    return money.minor_units, money.currency.code


def money_from(minor_units: int, currency: str) -> Money:
    """Return the amount of two columns."""
    return Money(minor_units, _currency(currency))


@lru_cache(maxsize=_MAX_CURRENCIES)
def _currency(code: str) -> Currency:
    return Currency(code)
