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


def test_what_does_not_add_up_is_no_transaction() -> None:
    wrong = (Posting("Assets:Stripe:USD", SignedAmount(1, USD)),)
    with pytest.raises(ValueError, match="do not add up"):
        Transaction(a_movement(), "stripe", None, wrong)


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
    found = postings(a_movement(kind=kind, amount=amount, fee=0))
    assert found.keys() == {"Assets:Stripe:USD", account}


@pytest.mark.parametrize("kind", [MovementKind.CHARGE, MovementKind.REFUND, MovementKind.DISPUTE])
def test_what_is_not_about_an_order_of_ours_is_somebody_else_s_income(kind: MovementKind) -> None:
    assert "Income:Others" in postings(a_movement(kind=kind), owner=None)


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
