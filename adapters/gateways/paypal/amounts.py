"""Conversion to and from PayPal's amounts: decimal text of a currency that PayPal supports.

https://developer.paypal.com/reference/currency-codes/
"""

import re
from decimal import Decimal
from typing import Any, Final

from domain.errors import DomainError
from domain.money import Currency, Money

# "This currency does not support decimals". HUF and TWD have two decimals in ISO 4217.
_NO_DECIMALS: Final = frozenset({"huf", "jpy", "twd"})

# Every currency that PayPal lists.
_TWO_DECIMALS: Final = frozenset(
    {
        *("aud", "brl", "cad", "chf", "cny", "czk", "dkk", "eur", "gbp", "hkd", "ils", "mxn"),
        *("myr", "nok", "nzd", "php", "pln", "sek", "sgd", "thb", "usd"),
    }
)

# "Should be less than or equal to 999999999999999.99"
# (https://developer.paypal.com/api/rest/reference/orders/v2/errors/).
_MAX_VALUE: Final = Decimal("999999999999999.99")

# https://developer.paypal.com/docs/api/orders/v2/#definition-money, without a sign.
_VALUE: Final = re.compile(r"(?=.{1,32}$)(?:[0-9]+|[0-9]*\.[0-9]+)", re.ASCII)


def to_paypal(money: Money) -> dict[str, str] | None:
    """Return PayPal's amount; None if PayPal cannot express it, or does not know the currency."""
    decimals = _decimals(money.currency)
    step = None if decimals is None else 10 ** max(money.currency.decimals - decimals, 0)
    if step is None or money.minor_units % step or money.major > _MAX_VALUE:
        return None
    return {
        "currency_code": money.currency.code.upper(),
        "value": f"{money.major:.{decimals}f}",
    }


def from_paypal(amount: Any) -> Money:
    """Convert an amount of PayPal's.

    Raises:
        ValueError: it is not one, the currency is unknown, or it is not a whole number of minor
            units.
    """
    code, value = (amount.get("currency_code"), amount.get("value")) if amount else (None, None)
    if not isinstance(code, str) or not isinstance(value, str) or not _VALUE.fullmatch(value):
        raise ValueError("not an amount")
    try:
        return Money.from_major(Decimal(value), Currency.of(code))
    except DomainError as error:
        raise ValueError(str(error)) from None


def _decimals(currency: Currency) -> int | None:
    """Return the number of decimals at PayPal; None if it does not support the currency."""
    if currency.code in _NO_DECIMALS:
        return 0
    return 2 if currency.code in _TWO_DECIMALS else None
