"""Money as Stripe writes it, which is not always as ISO 4217 does; https://docs.stripe.com/currencies."""

from typing import Final

from domain.money import MAX_MINOR_UNITS, Currency, Money, UnknownCurrency

# https://docs.stripe.com/currencies#zero-decimal. MGA has two decimals in ISO 4217.
_NO_DECIMALS: Final = frozenset(
    [
        "bif",
        "clp",
        "djf",
        "gnf",
        "jpy",
        "kmf",
        "krw",
        "mga",
        "pyg",
        "rwf",
        "vnd",
        "vuv",
        "xaf",
        "xof",
        "xpf",
    ]
)

# https://docs.stripe.com/currencies#special-cases: without decimals in ISO 4217, but sent with two.
_TWO_DECIMALS: Final = frozenset({"isk", "ugx"})

# https://docs.stripe.com/currencies#three-decimal: the last digit must be 0.
_THREE_DECIMALS: Final = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])


def to_stripe(money: Money) -> int | None:
    """The amount in Stripe's smallest unit; None if Stripe cannot express it."""
    decimals = _decimals(money.currency)
    if decimals is None:
        return None
    amount = _rescaled(money.minor_units, decimals - money.currency.decimals)
    return None if amount is None or (decimals == 3 and amount % 10) else amount


def from_stripe(amount: int, code: str) -> Money:
    """What Stripe calls so many of a currency.

    Raises:
        ValueError: we cannot express it.
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
    """How many decimals Stripe gives a currency; None where we know of none."""
    if currency.code in _NO_DECIMALS:
        return 0
    if currency.code in _THREE_DECIMALS:
        return 3
    if currency.decimals == 2 or currency.code in _TWO_DECIMALS:
        return 2
    return None


def _rescaled(units: int, decimals: int) -> int | None:
    """The same amount with so many more decimals, or fewer; None if it is no whole number then."""
    step: int = 10 ** abs(decimals)
    if decimals >= 0:
        return units * step
    return None if units % step else units // step
