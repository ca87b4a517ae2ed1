"""Money is exact or refused."""

from decimal import Decimal, localcontext

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

JPY, KWD, CLF = Currency("jpy"), Currency("kwd"), Currency("clf")


@given(money())
def test_every_amount_of_every_currency_round_trips_through_its_price(amount: Money) -> None:
    assert Money.from_major(amount.major, amount.currency) == amount


@given(prices(), currencies())
@example(Decimal("NaN"), USD)
@example(Decimal("Infinity"), USD)
@example(Decimal("1e999999"), JPY)
@example(Decimal("1e-999999"), JPY)
def test_a_price_is_expressed_exactly_or_refused_and_never_rounded(
    price: Decimal, currency: Currency
) -> None:
    try:
        amount = Money.from_major(price, currency)
    except InexactAmount:
        return
    assert amount.major == price


@pytest.mark.parametrize(
    ("price", "currency", "minor"),
    [
        ("19.99", USD, 1999),
        ("8.20", USD, 820),
        ("10", USD, 1000),
        ("10.000", USD, 1000),
        ("1e3", USD, 100_000),
        ("-0", USD, 0),
        ("0.00", USD, 0),
        ("1000", JPY, 1000),
        ("1.234", KWD, 1234),
        ("0.0001", CLF, 1),
        ("90071992547409.91", USD, MAX_MINOR_UNITS),
    ],
)
def test_a_price_becomes_minor_units_of_its_currency(
    price: str, currency: Currency, minor_units: int
) -> None:
    assert Money.from_major(Decimal(price), currency).minor_units == minor_units


@pytest.mark.parametrize(
    ("price", "currency"),
    [
        ("10.5", JPY),
        ("19.999", USD),
        ("1.2345", KWD),
        ("-1", USD),
        ("-0.01", USD),
        ("NaN", USD),
        ("sNaN", USD),
        ("inf", USD),
        ("-inf", USD),
        ("1e999999", USD),
        ("1e-999999", USD),
        ("90071992547409.92", USD),
    ],
)
def test_a_price_the_currency_cannot_express_is_refused(price: str, currency: Currency) -> None:
    with pytest.raises(InexactAmount) as refused:
        Money.from_major(Decimal(price), currency)
    assert currency.code in str(refused.value)


def test_a_price_is_exact_whatever_precision_the_caller_computes_with() -> None:
    with localcontext() as context:
        context.prec = 2
        assert Money(123456, USD).major == Decimal("1234.56")
        assert Money.from_major(Decimal("1234.56"), USD).minor_units == 123456


@pytest.mark.parametrize("minor", [-1, MAX_MINOR_UNITS + 1, 1.0, 0.5, float("nan"), True])
def test_minor_units_are_whole_numbers_in_range_and_never_floats(minor_units: int) -> None:
    with pytest.raises(ValueError, match="minor units"):
        Money(minor_units, USD)


@given(money(USD), money(USD))
def test_adding_and_subtracting_stay_whole(left: Money, right: Money) -> None:
    more, less = (left, right) if left.exceeds(right) else (right, left)
    rest = more - less
    assert rest + less == more
    assert less - less == dollars("0")
    assert (less - less).is_zero


@given(money(), money())
def test_amounts_of_different_currencies_never_meet(left: Money, right: Money) -> None:
    if left.currency == right.currency:
        return
    for meet in (left.__add__, left.__sub__, left.exceeds):
        with pytest.raises(CurrencyMismatch):
            meet(right)


def test_less_than_nothing_cannot_be_left() -> None:
    with pytest.raises(ValueError, match="minor units"):
        dollars("1") - dollars("2")


@pytest.mark.parametrize("code", ["", "us", "usdd", "xau", "xxx", "xts", "\x00usd", "us\ud800"])
def test_a_code_outside_the_standard_is_no_currency(code: str) -> None:
    with pytest.raises(UnknownCurrency):
        Currency.of(code)


@given(currencies())
def test_a_currency_is_known_by_its_code_in_any_case(currency: Currency) -> None:
    assert Currency.of(currency.code.upper()) == currency


def test_the_decimals_are_the_standards_own() -> None:
    # ISO 4217 list one: what other systems get wrong (Paymenter#1258, woocommerce-payments#91).
    odd = {"jpy": 0, "krw": 0, "isk": 0, "huf": 2, "mga": 2, "bhd": 3, "tnd": 3, "clf": 4, "uyw": 4}
    assert {code: Currency(code).decimals for code in odd} == odd
    assert all(code == code.lower() and len(code) == 3 for code in MINOR_UNITS)


def test_money_reads_as_its_price() -> None:
    assert str(Money(5, KWD)) == "0.005 kwd"
    assert str(dollars("19.90")) == "19.90 usd"
