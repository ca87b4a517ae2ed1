"""The ledger's formats: beancount itself reads what we write, and finds our balances."""

import csv
import io
from collections import Counter
from decimal import Decimal
from typing import Any

from beancount import loader
from beancount.core.data import Transaction as Read
from hypothesis import given
from hypothesis import strategies as st

from domain.ledger import Owner, Transaction, total_of, transaction_of
from domain.money import Currency
from domain.movement import Movement
from domain.signed_amount import SignedAmount
from entrypoints.cli.ledger_formats import LEDGER_COLUMNS, LEDGER_FORMATS, quoted
from tests.movements import OWNER, a_movement, movements, owners

Moved = list[tuple[Movement, Owner | None]]


def transactions(moved: Moved) -> list[Transaction]:
    made = (transaction_of(movement, "stripe", owner) for movement, owner in moved)
    return [each for each in made if each is not None]


def written(format_: str, made: list[Transaction]) -> str:
    file = io.StringIO()
    ledger = LEDGER_FORMATS[format_](file)
    ledger.begin()
    for each in made:
        ledger.write(each)
    return file.getvalue()


def read(text: str) -> list[Any]:
    """Return what beancount reads; it has no complaints."""
    entries, errors, _ = loader.load_string(text)
    assert not errors, (errors, text)
    return [each for each in entries if isinstance(each, Read)]


@given(st.lists(st.tuples(movements(), owners()), max_size=8))
def test_beancount_accepts_any_ledger_and_finds_our_balances(moved: Moved) -> None:
    made = transactions(moved)
    found = read(written("beancount", made))
    assert len(found) == len(made)
    theirs: Counter[tuple[str, str]] = Counter()
    ours: Counter[tuple[str, str]] = Counter()
    for entry in found:
        for each in entry.postings:
            theirs[each.account, each.units.currency] += each.units.number
    for transaction in made:
        for posting in transaction.postings:
            code = posting.amount.currency.code.upper()
            ours[posting.account, code] += posting.amount.major  # type: ignore[assignment]
    assert theirs == ours


@given(st.tuples(movements(), owners()))
def test_each_posting_names_the_order_the_payment_and_the_source(
    owned: tuple[Movement, Owner | None],
) -> None:
    movement, owner = owned
    for entry in read(written("beancount", transactions([owned]))):
        for posting in entry.postings:
            assert posting.meta.get("source") == plain(movement.source)
            assert posting.meta.get("order") == plain(None if owner is None else owner.order_id)
            assert posting.meta.get("payment") == plain(None if owner is None else owner.payment_id)


def plain(text: str | None) -> str | None:
    """Return a text without the control characters that beancount cannot have."""
    if text is None:
        return None
    return "".join("?" if each < " " and each not in "\n\r\t" else each for each in text).replace(
        "\x7f", "?"
    )


def test_beancount_finds_an_error_of_the_smallest_unit() -> None:
    # The tolerance for prices hides no error: also not of a currency without decimals.
    for code, wrong in (("USD", "-19.98"), ("JPY", "-1633"), ("KWD", "-1.233")):
        right = {"USD": "19.99", "JPY": "1634", "KWD": "1.234"}[code]
        text = written("beancount", []) + (
            f'1970-01-01 open Assets:A\n2026-01-01 * ""\n'
            f"  Assets:A  {right} {code}\n  Assets:A  {wrong} {code}\n"
        )
        _, errors, _ = loader.load_string(text)
        assert errors, code


def test_amounts_have_the_decimals_of_their_currency() -> None:
    for code, amount, expected in (
        ("usd", 1999, "19.99 USD"),
        ("jpy", 1634, "1634 JPY"),
        ("kwd", 1234, "1.234 KWD"),
        ("huf", 17500, "175.00 HUF"),
    ):
        movement = a_movement(currency=Currency(code), amount=amount, fee=0)
        text = written("beancount", transactions([(movement, OWNER)]))
        assert f"  Assets:Stripe:{code.upper()}  {expected}\n" in text


@given(st.lists(st.tuples(movements(), owners()), max_size=8))
def test_the_csv_adds_up_to_zero_in_each_currency(moved: Moved) -> None:
    made = transactions(moved)
    rows = list(csv.DictReader(io.StringIO(written("csv", made), newline="")))
    totals: Counter[str] = Counter()
    for row in rows:
        totals[row["currency"]] += int(row["amount"])
    assert not any(totals.values())
    assert len(rows) == sum(len(each.without_prices) for each in made)
    assert all(len(row) == len(LEDGER_COLUMNS) for row in rows)


def test_a_row_says_what_the_posting_is_about() -> None:
    text = written("csv", transactions([(a_movement(), OWNER)]))
    assert text.splitlines() == [
        "date,transaction,account,amount,currency,order,payment,source",
        "2026-11-22,txn_1,Assets:Stripe:USD,1911,usd,order-1,payment-1,ch_1",
        "2026-11-22,txn_1,Expenses:Fees,88,usd,order-1,payment-1,ch_1",
        "2026-11-22,txn_1,Income:Orders,-1999,usd,order-1,payment-1,ch_1",
    ]


def test_a_price_without_an_end_balances() -> None:
    # A third of a yen: beancount stores the price of one unit.
    third = a_movement(
        currency=Currency("jpy"), amount=1000, fee=0, original=SignedAmount(300, Currency("eur"))
    )
    [entry] = read(written("beancount", transactions([(third, OWNER)])))
    assert entry.postings[1].units.number == Decimal("-3.00")


def test_text_from_outside_cannot_end_a_string() -> None:
    assert quoted('a"b\\c\nd\x07') == '"a\\"b\\\\c\\nd?"'
    assert total_of([]) == {}
