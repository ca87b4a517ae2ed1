"""Money is exact, or it is an error."""

from decimal import Decimal, localcontext
from time import process_time

import pytest
from hypothesis import example, given

from domain.iso4217 import MINOR_UNITS
from domain.money import (
    MAX_MINOR_UNITS,
    Currency,
    CurrencyMismatch,
    InexactAmount,
    Money,
    UnknownCurrency,
)
from tests.builders import USD, dollars
from tests.strategies import currencies, money, prices

EXACT = {
    "usd": {"19.99": 1999, "8.20": 820, "10.000": 1000, "1e3": 100_000, "-0": 0, "0.00": 0},
    "jpy": {"1000": 1000},
    "kwd": {"1.234": 1234},
    "clf": {"0.0001": 1},
}
INEXACT = {
    "usd": ["19.999", "-1", "-0.01", "NaN", "sNaN", "inf", "-inf", "1e999999", "1e-999999"],
    "jpy": ["10.5", "1e999999"],
    "kwd": ["1.2345"],
}
LARGEST, TOO_LARGE = "90071992547409.91", "90071992547409.92"


@given(money())
def test_every_amount_of_every_currency_equals_its_price_in_major_units(amount: Money) -> None:
    assert Money.from_major(amount.major, amount.currency) == amount


@given(prices(), currencies())
@example(Decimal("NaN"), USD)
@example(Decimal("1e999999"), Currency("jpy"))
def test_a_price_is_exact_or_refused_and_never_rounded(price: Decimal, currency: Currency) -> None:
    try:
        amount = Money.from_major(price, currency)
    except InexactAmount:
        return
    assert amount.major == price


@pytest.mark.parametrize("code", EXACT)
def test_a_price_becomes_minor_units_of_its_currency(code: str) -> None:
    for price, minor_units in EXACT[code].items():
        assert Money.from_major(Decimal(price), Currency(code)).minor_units == minor_units
    assert Money.from_major(Decimal(LARGEST), USD).minor_units == MAX_MINOR_UNITS


@pytest.mark.parametrize("code", INEXACT)
def test_a_price_that_the_currency_cannot_express_is_refused(code: str) -> None:
    for price in INEXACT[code]:
        with pytest.raises(InexactAmount, match=code):
            Money.from_major(Decimal(price), Currency(code))
    with pytest.raises(InexactAmount):
        Money.from_major(Decimal(TOO_LARGE), USD)


@pytest.mark.parametrize("price", ["1e9999999", "1e-9999999"])
def test_a_price_with_millions_of_digits_is_refused_before_they_are_computed(price: str) -> None:
    began = process_time()
    with pytest.raises(InexactAmount):
        Money.from_major(Decimal(price), USD)
    assert process_time() - began < 1  # to compute them takes several seconds


@pytest.mark.parametrize("digits", [64, 65])
def test_a_price_may_have_64_digits_more_than_it_needs(digits: int) -> None:
    for price, minor_units in ((f"10.{'0' * digits}", 1000), (f"0e{digits}", 0)):
        if digits > 64:
            with pytest.raises(InexactAmount):
                Money.from_major(Decimal(price), USD)
        else:
            assert Money.from_major(Decimal(price), USD).minor_units == minor_units


def test_a_price_is_exact_in_every_decimal_context() -> None:
    with localcontext() as context:
        context.prec = 2
        assert Money(123456, USD).major == Decimal("1234.56")
        assert Money.from_major(Decimal("1234.56"), USD).minor_units == 123456


@pytest.mark.parametrize("minor_units", [-1, MAX_MINOR_UNITS + 1, 1.0, 0.5, float("nan"), True])
def test_minor_units_are_whole_numbers_in_range_and_never_floats(minor_units: int) -> None:
    with pytest.raises(ValueError, match="minor units"):
        Money(minor_units, USD)


@given(money(USD), money(USD))
def test_sums_and_differences_are_exact(left: Money, right: Money) -> None:
    more, less = (left, right) if left.exceeds(right) else (right, left)
    assert (more - less) + less == more
    assert less - less == dollars("0")
    assert (less - less).is_zero
    if more != less:
        with pytest.raises(ValueError, match="minor units"):
            less - more


@given(money(), money())
def test_amounts_of_different_currencies_are_never_combined(left: Money, right: Money) -> None:
    if left.currency == right.currency:
        return
    for combine in (left.__add__, left.__sub__, left.exceeds):
        with pytest.raises(CurrencyMismatch):
            combine(right)


@pytest.mark.parametrize("code", ["", "us", "usdd", "xau", "xxx", "xts", "\x00usd", "us\ud800"])
def test_a_code_that_is_not_in_the_standard_is_refused(code: str) -> None:
    with pytest.raises(UnknownCurrency):
        Currency.of(code)


@given(currencies())
def test_a_currency_code_is_read_in_any_case(currency: Currency) -> None:
    assert Currency.of(currency.code.upper()) == currency


def test_the_decimals_of_a_currency_are_those_of_the_standard() -> None:
    # ISO 4217 list one; other systems have these wrong (Paymenter#1258, woocommerce-payments#91).
    odd = {"jpy": 0, "krw": 0, "isk": 0, "huf": 2, "mga": 2, "bhd": 3, "tnd": 3, "clf": 4, "uyw": 4}
    assert {code: Currency(code).decimals for code in odd} == odd
    assert all(code == code.lower() and len(code) == 3 for code in MINOR_UNITS)


def test_money_is_shown_as_its_price() -> None:
    assert str(Money(5, Currency("kwd"))) == "0.005 kwd"
    assert str(dollars("19.90")) == "19.90 usd"
