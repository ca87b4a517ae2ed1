"""What a movement may contain, and what a converted one is in its own currency."""

from datetime import datetime
from typing import Any

import pytest
from attrs import fields

from domain.identifiers import ChargeId
from domain.ledger import transaction_of
from domain.money import MAX_MINOR_UNITS, Currency
from domain.movement import MAX_TEXT, Movement
from domain.signed_amount import SignedAmount
from tests.builders import NOW
from tests.movements import OWNER, a_movement

NAIVE = datetime(2026, 11, 22)  # noqa: DTZ001 - a time without a zone is what is refused


TEXTS = [each.name for each in fields(Movement) if each.type in (str, str | None, ChargeId | None)]


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_has_at_most_as_many_characters_as_the_tables_store(name: str) -> None:
    a_movement(**{name: "x" * MAX_TEXT})
    assert MAX_TEXT == 255
    for text in ("x" * (MAX_TEXT + 1), 7):
        with pytest.raises(ValueError, match="too long, or not text"):
            a_movement(**{name: text})


@pytest.mark.parametrize("name", ["source", "charge_id", "payout_id"])
def test_what_a_movement_is_about_need_not_be_known(name: str) -> None:
    assert getattr(a_movement(**{name: None}), name) is None


def test_a_time_without_a_zone_is_refused() -> None:
    assert a_movement(created_at=NOW).created_at == NOW
    with pytest.raises(ValueError, match="a time has no zone"):
        a_movement(created_at=NAIVE)


@pytest.mark.parametrize("name", ["amount", "fee"])
@pytest.mark.parametrize("value", [MAX_MINOR_UNITS + 1, -MAX_MINOR_UNITS - 1, 1.0, True])
def test_an_amount_is_whole_and_in_range(name: str, value: Any) -> None:
    for valid in (MAX_MINOR_UNITS, -MAX_MINOR_UNITS, 0):
        a_movement(**{name: valid})
    with pytest.raises(ValueError, match="minor units out of range"):
        a_movement(**{name: value})


@pytest.mark.parametrize("amount", [-2, -1, 1, 2])
@pytest.mark.parametrize("paid", [-3, 3])
def test_what_was_paid_has_the_sign_of_what_was_moved(amount: int, paid: int) -> None:
    original = SignedAmount(paid, Currency("eur"))
    made = transaction_of(a_movement(amount=amount, fee=0, original=original), "stripe", OWNER)
    assert made is not None
    [posting] = [each for each in made.postings if each.price is not None]
    assert posting.amount == SignedAmount(-3 if amount > 0 else 3, Currency("eur"))
    assert posting.price == SignedAmount(abs(amount), Currency("usd"))
