"""Conversion to and from Stripe's amounts; https://docs.stripe.com/currencies.

Some currencies have other minor units at Stripe than in ISO 4217.
"""

from typing import Final

from domain.money import MAX_MINOR_UNITS, Currency, Money, UnknownCurrency

# https://docs.stripe.com/currencies#zero-decimal. MGA has two decimals in ISO 4217.
_NO_DECIMALS: Final = frozenset(
    {
        *("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga"),
        *("pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"),
    }
)

# https://docs.stripe.com/currencies#special-cases: no decimals in ISO 4217, two at Stripe.
_TWO_DECIMALS: Final = frozenset({"isk", "ugx"})

# https://docs.stripe.com/currencies#three-decimal: the last digit must be 0.
_THREE_DECIMALS: Final = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])


def to_stripe(money: Money) -> int | None:
    """Return the amount in Stripe's smallest unit; None if Stripe cannot express it."""
    decimals = _decimals(money.currency)
    if decimals is None:
        return None
    amount = _rescaled(money.minor_units, decimals - money.currency.decimals)
    return None if amount is None or (decimals == 3 and amount % 10) else amount


def from_stripe(amount: int, code: str) -> Money:
    """Convert an amount in Stripe's smallest unit of a currency.

    Raises:
        ValueError: the currency is unknown, or the amount is not a whole number of minor units.
    """
    try:
        currency = Currency.of(code)
    except UnknownCurrency:
        raise ValueError("unknown currency") from None
    decimals = _decimals(currency)
    if decimals is None:
        raise ValueError("unknown currency")
    minor_units = _rescaled(amount, currency.decimals - decimals)
    if minor_units is None or not 0 <= minor_units <= MAX_MINOR_UNITS:
        raise ValueError("not a whole number of minor units")
    return Money(minor_units, currency)


def _decimals(currency: Currency) -> int | None:
    """Return the number of decimals at Stripe; None if it is not known."""
    if currency.code in _NO_DECIMALS:
        return 0
    if currency.code in _THREE_DECIMALS:
        return 3
    if currency.decimals == 2 or currency.code in _TWO_DECIMALS:
        return 2
    return None


def _rescaled(units: int, decimals: int) -> int | None:
    """Return the amount with this many more decimals; None if that is not a whole number."""
    step: int = 10 ** abs(decimals)
    if decimals >= 0:
        return units * step
    return None if units % step else units // step
