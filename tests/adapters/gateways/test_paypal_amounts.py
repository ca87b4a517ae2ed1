"""Conversion of amounts to PayPal's decimal text and back."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.gateways.paypal.amounts import from_paypal, to_paypal
from domain.iso4217 import MINOR_UNITS
from domain.money import MAX_MINOR_UNITS, Currency, Money

amounts = st.builds(
    Money,
    st.integers(0, MAX_MINOR_UNITS),
    st.sampled_from(sorted(MINOR_UNITS)).map(Currency),
)


@given(amounts)
def test_an_amount_keeps_its_value_in_both_directions_or_is_not_sent(money: Money) -> None:
    sent = to_paypal(money)
    if sent is not None:
        assert from_paypal(sent) == money
        assert Decimal(sent["value"]) == money.major
        assert sent["currency_code"] == money.currency.code.upper()


@pytest.mark.parametrize(
    ("minor_units", "code", "value"),
    [
        (1999, "usd", "19.99"),
        (5, "eur", "0.05"),
        (500, "jpy", "500"),
        (150000, "huf", "1500"),
        (150050, "huf", None),
        (9900, "twd", "99"),
        (1, "twd", None),
        (1230, "kwd", None),
        (1000, "inr", None),
    ],
)
def test_an_amount_has_the_decimals_that_paypal_has(
    minor_units: int, code: str, value: str | None
) -> None:
    sent = to_paypal(Money(minor_units, Currency(code)))
    assert (sent and sent["value"]) == value


@pytest.mark.parametrize(
    "amount",
    [
        None,
        {},
        {"currency_code": "USD"},
        {"currency_code": "USD", "value": 10},
        {"currency_code": "USD", "value": "10.001"},
        {"currency_code": "USD", "value": "-1.00"},
        {"currency_code": "USD", "value": "1e3"},
        {"currency_code": "USD", "value": "1,000.00"},
        {"currency_code": "USD", "value": ""},
        {"currency_code": "USD", "value": "9" * 33},
        {"currency_code": "XXX", "value": "1.00"},
        {"currency_code": "JPY", "value": "1.50"},
    ],
)
def test_an_amount_that_we_cannot_express_is_an_error(amount: object) -> None:
    with pytest.raises(ValueError, match=r"amount|currency|expressed"):
        from_paypal(amount)
