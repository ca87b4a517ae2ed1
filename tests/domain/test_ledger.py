"""The ledger: every movement in double entry."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ledger import (
    Owner,
    Posting,
    Transaction,
    balance_account,
    component,
    total_of,
    transaction_of,
)
from domain.money import Currency
from domain.movement import Movement, MovementKind
from domain.signed_amount import SignedAmount
from tests.movements import OWNER, a_movement, movements, owners

USD, EUR, JPY = Currency("usd"), Currency("eur"), Currency("jpy")


def postings(movement: Movement, owner: Owner | None = OWNER) -> dict[str, str]:
    """Return the postings of a movement as text, by account."""
    made = transaction_of(movement, "stripe", owner)
    assert made is not None
    assert made.at == movement.created_at
    return {
        each.account: str(each.amount) + ("" if each.price is None else f" @@ {each.price}")
        for each in made.postings
    }


@given(st.lists(st.tuples(movements(), owners()), max_size=20))
def test_the_account_of_a_gateway_is_the_sum_of_all_nets(
    moved: list[tuple[Movement, Owner | None]],
) -> None:
    made = [transaction_of(movement, "stripe", owner) for movement, owner in moved]
    balances: Counter[str] = Counter()
    for transaction in made:
        for each in () if transaction is None else transaction.postings:
            balances[each.account] += each.amount.minor_units
    for currency in {movement.currency for movement, _ in moved}:
        nets = [movement.net for movement, _ in moved if movement.currency == currency]
        assert balances[balance_account("stripe", currency)] == sum(nets)


@given(movements(), owners())
def test_every_transaction_adds_up_to_zero_with_prices_and_without(
    movement: Movement, owner: Owner | None
) -> None:
    made = transaction_of(movement, "stripe", owner)
    if made is not None:
        assert not any(total_of(each.weight for each in made.postings).values())
        assert all(each.price is None for each in made.without_prices)
        assert not any(total_of(each.amount for each in made.without_prices).values())


@pytest.mark.parametrize("more", [(), (SignedAmount(1, EUR), SignedAmount(-1, EUR))])
def test_what_does_not_add_up_in_one_currency_is_no_transaction(
    more: tuple[SignedAmount, ...],
) -> None:
    wrong = [Posting("Assets:Stripe", each) for each in (SignedAmount(1, USD), *more)]
    with pytest.raises(ValueError, match="do not add up"):
        Transaction(a_movement(), "stripe", None, tuple(wrong))


def test_amounts_are_added_up_for_each_currency_alone() -> None:
    amounts = (SignedAmount(3, USD), SignedAmount(-1, EUR), SignedAmount(4, USD))
    assert total_of(amounts) == {USD: 7, EUR: -1}


def test_a_charge_is_income_of_which_the_gateway_keeps_a_fee() -> None:
    assert postings(a_movement()) == {
        "Assets:Stripe:USD": "19.11 usd",
        "Expenses:Fees": "0.88 usd",
        "Income:Orders": "-19.99 usd",
    }


@pytest.mark.parametrize(
    ("kind", "amount", "account"),
    [
        (MovementKind.CHARGE, 500, "Income:Orders"),
        (MovementKind.CHARGE_FAILURE, -500, "Income:Orders"),
        (MovementKind.REFUND, -500, "Liabilities:Refunds"),
        (MovementKind.REFUND_FAILURE, 500, "Liabilities:Refunds"),
        (MovementKind.DISPUTE, -500, "Expenses:Disputes"),
        (MovementKind.DISPUTE_REVERSAL, 500, "Expenses:Disputes"),
        (MovementKind.FEE, -500, "Expenses:Fees"),
        (MovementKind.PAYOUT, -500, "Assets:Bank:USD"),
        (MovementKind.PAYOUT_REVERSAL, 500, "Assets:Bank:USD"),
        (MovementKind.CONVERSION, 500, "Equity:Conversions"),
        (MovementKind.ADJUSTMENT, 500, "Income:Adjustments"),
        (MovementKind.OTHER, -500, "Equity:Unclassified"),
    ],
)
def test_every_kind_has_an_account(kind: MovementKind, amount: int, account: str) -> None:
    movement = a_movement(kind=kind, amount=amount, fee=0)
    assert postings(movement).keys() == {"Assets:Stripe:USD", account}
    of_orders = {"Income:Orders", "Liabilities:Refunds", "Expenses:Disputes"}
    account = "Income:Others" if account in of_orders else account
    assert postings(movement, owner=None).keys() == {"Assets:Stripe:USD", account}


def test_a_converted_charge_is_income_in_its_own_currency_at_a_price() -> None:
    paid = a_movement(amount=1234, fee=66, original=SignedAmount(1000, EUR))
    assert postings(paid) == {
        "Assets:Stripe:USD": "11.68 usd",
        "Expenses:Fees": "0.66 usd",
        "Income:Orders": "-10.00 eur @@ 12.34 usd",
    }
    back = a_movement(
        kind=MovementKind.REFUND, amount=-1234, fee=0, original=SignedAmount(-1000, EUR)
    )
    assert postings(back)["Liabilities:Refunds"] == "10.00 eur @@ 12.34 usd"


@pytest.mark.parametrize(
    ("amount", "original", "posting"),
    [
        (1234, SignedAmount(1000, EUR), "-10.00 eur @@ 12.34 usd"),
        (1234, SignedAmount(-1000, EUR), "-10.00 eur @@ 12.34 usd"),
        (-1234, SignedAmount(1000, EUR), "10.00 eur @@ 12.34 usd"),
        (-1234, SignedAmount(-1000, EUR), "10.00 eur @@ 12.34 usd"),
        (0, SignedAmount(1, JPY), "-1 jpy @@ 0.00 usd"),
        (0, SignedAmount(-1, JPY), "1 jpy @@ 0.00 usd"),
        (1234, SignedAmount(0, EUR), "-12.34 usd"),
        (1234, SignedAmount(1000, USD), "-12.34 usd"),
        (1234, None, "-12.34 usd"),
    ],
)
def test_what_was_paid_has_the_sign_of_what_was_moved_and_its_worth_as_a_price(
    amount: int, original: SignedAmount | None, posting: str
) -> None:
    made = postings(a_movement(amount=amount, fee=100, original=original))
    assert made["Income:Orders"] == posting


def test_without_prices_a_conversion_has_an_account_of_its_own() -> None:
    made = transaction_of(
        a_movement(currency=JPY, amount=1634, fee=0, original=SignedAmount(1000, EUR)),
        "stripe",
        OWNER,
    )
    assert made is not None
    assert [(each.account, str(each.amount)) for each in made.without_prices] == [
        ("Assets:Stripe:JPY", "1634 jpy"),
        ("Income:Orders", "-10.00 eur"),
        ("Equity:Conversions", "10.00 eur"),
        ("Equity:Conversions", "-1634 jpy"),
    ]


def test_a_movement_of_nothing_has_no_postings() -> None:
    assert transaction_of(a_movement(amount=0, fee=0), "stripe", OWNER) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [("stripe", "Stripe"), ("in_memory", "In-Memory"), ("my.shop", "My-Shop"), ("??", "Gateway")],
)
def test_a_gateway_s_name_is_a_part_of_an_account(name: str, expected: str) -> None:
    assert component(name) == expected
