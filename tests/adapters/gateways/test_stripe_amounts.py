"""Conversion of amounts to Stripe's units and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.gateways.stripe.amounts import from_stripe, to_stripe
from domain.iso4217 import MINOR_UNITS
from domain.money import MAX_MINOR_UNITS, Currency, Money
from payments_kit.doubles.stripe.currencies import SUPPORTED, digits

amounts = st.builds(
    Money,
    st.integers(0, MAX_MINOR_UNITS // 100),
    st.sampled_from([*sorted(MINOR_UNITS), *sorted(SUPPORTED & MINOR_UNITS.keys())]).map(Currency),
)


@given(amounts)
def test_an_amount_keeps_its_value_in_both_directions_or_is_not_sent(money: Money) -> None:
    sent, code = to_stripe(money), money.currency.code
    if sent is not None:
        assert from_stripe(sent, code) == money
        if code in SUPPORTED:
            assert sent * 10**money.currency.decimals == money.minor_units * 10 ** digits(code)


@pytest.mark.parametrize("code", sorted(SUPPORTED & MINOR_UNITS.keys()))
def test_a_hundred_major_units_can_be_sent_in_any_currency_of_stripe(code: str) -> None:
    currency = Currency(code)
    assert to_stripe(Money(100 * 10**currency.decimals, currency)) is not None


@pytest.mark.parametrize(
    ("minor_units", "code", "sent"),
    [
        (1999, "usd", 1999),
        (500, "jpy", 500),
        (5, "isk", 500),
        (5, "ugx", 500),
        (1200, "mga", 12),
        (1230, "kwd", 1230),
        (1234, "kwd", None),
        (1201, "mga", None),
        (1000, "iqd", None),
        (10000, "clf", None),
    ],
)
def test_special_currencies_are_converted_to_stripe_s_units(
    minor_units: int, code: str, sent: int | None
) -> None:
    assert to_stripe(Money(minor_units, Currency(code))) == sent


@pytest.mark.parametrize(("amount", "code"), [(501, "isk"), (1, "iqd"), (1, "???"), (-1, "usd")])
def test_an_amount_that_we_cannot_express_is_an_error(amount: int, code: str) -> None:
    with pytest.raises(ValueError, match=r"currency|whole number"):
        from_stripe(amount, code)
