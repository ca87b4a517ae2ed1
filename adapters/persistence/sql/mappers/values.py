"""The values of rows."""

from typing import Any

from domain.money import Currency, Money

Values = tuple[Any, ...]
"""The values of one row, in the order of its columns in tables.py."""


def money_values(money: Money) -> tuple[int, str]:
    """Return an amount in minor units and its currency code."""
    return money.minor_units, money.currency.code


def money_from(minor_units: int, currency: str) -> Money:
    """Return the amount of two columns."""
    return Money(minor_units, Currency(currency))
