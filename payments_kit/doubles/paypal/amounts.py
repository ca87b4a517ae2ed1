"""The currencies and amounts that PayPal accepts, and its fee.

https://developer.paypal.com/api/rest/reference/currency-codes/
"""

from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from payments_kit.doubles.paypal.errors import Json, failed

TWO_DECIMAL: Final = frozenset(
    (
        "AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "ILS", "MXN", "MYR",
        "NOK", "NZD", "PHP", "PLN", "SEK", "SGD", "THB", "USD",
    )
)  # fmt: skip
# PayPal does not support decimals of these, although ISO 4217 gives HUF and TWD two.
ZERO_DECIMAL: Final = frozenset(("HUF", "JPY", "TWD"))
MAXIMUM: Final = Decimal("999999999999999.99")
# PayPal Checkout in the US; https://www.paypal.com/us/business/paypal-business-fees
FEE_PART: Final = Decimal("0.0349")
FIXED_FEE: Final = {"JPY": Decimal(49), "HUF": Decimal(175), "TWD": Decimal(14)}
OTHER_FIXED_FEE: Final = Decimal("0.49")


def decimal(money: Json) -> Decimal:
    """Return the value of an amount that was checked."""
    return Decimal(money["value"])


def money(currency: str, value: Decimal) -> Json:
    """Return an amount as PayPal writes it: always with the decimals of its currency."""
    return {"currency_code": currency, "value": f"{value.quantize(_quantum(currency)):f}"}


def checked(amount: Json, field: str, *, zero: bool = False) -> Decimal:
    """Return the value of an amount of correct syntax, or raise what PayPal says about it."""
    currency, value = amount["currency_code"], Decimal(amount["value"])
    if currency not in TWO_DECIMAL | ZERO_DECIMAL:
        raise failed("INVALID_CURRENCY_CODE", f"{field}/currency_code", currency)
    if currency in ZERO_DECIMAL and value != value.to_integral_value():
        raise failed("DECIMALS_NOT_SUPPORTED", f"{field}/value", amount["value"])
    if value != value.quantize(_quantum(currency)):
        raise failed("DECIMAL_PRECISION", f"{field}/value", amount["value"])
    if value < 0 or (value == 0 and not zero):
        raise failed("CANNOT_BE_ZERO_OR_NEGATIVE", f"{field}/value", amount["value"])
    if value > MAXIMUM:
        raise failed("MAX_VALUE_EXCEEDED", f"{field}/value", amount["value"])
    return value


def fee(currency: str, gross: Decimal) -> Decimal:
    """Return PayPal's fee for a capture, which is never more than the capture."""
    fixed = FIXED_FEE.get(currency, OTHER_FIXED_FEE)
    whole = (gross * FEE_PART + fixed).quantize(_quantum(currency), ROUND_HALF_UP)
    return min(whole, gross)


def _quantum(currency: str) -> Decimal:
    return Decimal(1) if currency in ZERO_DECIMAL else Decimal("0.01")
