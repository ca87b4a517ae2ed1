"""A charge's labels describe its payment completely, or they are not used."""

from collections.abc import Callable
from datetime import UTC
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from adapters.gateways.stripe.labels import claimed_payment, labels
from domain.identifiers import OrderId, UserId
from domain.payment import Payment
from tests.builders import a_payment
from tests.strategies import money

CLAIMED = evolve(a_payment(), gateway="stripe")
LABELS = labels(CLAIMED)
change: Callable[..., Payment] = evolve
IDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


def charge(metadata: object, livemode: object = False) -> dict[str, Any]:
    """Return a charge with these labels."""
    return {"metadata": metadata, "livemode": livemode}


@given(
    st.builds(
        evolve,
        st.just(CLAIMED),
        order_id=IDS.map(OrderId),
        user_id=IDS.map(UserId),
        amount=money(),
        livemode=st.booleans(),
        created_at=st.datetimes(timezones=st.just(UTC)),
    )
)
def test_a_payment_is_rebuilt_from_its_labels(payment: Payment) -> None:
    rebuilt = claimed_payment(charge(labels(payment), payment.livemode))
    fits = max(len(payment.order_id), len(payment.user_id)) <= 255
    assert rebuilt == (payment if fits else None)


@pytest.mark.parametrize("name", ["order_id", "user_id"])
@pytest.mark.parametrize("length", [255, 256, 500, 501, 5000])
def test_an_id_that_is_too_long_is_never_taken_for_another_one(name: str, length: int) -> None:
    payment = change(CLAIMED, **{name: "i" * length})
    sent = labels(payment)
    assert max(map(len, sent.values())) <= 500
    assert claimed_payment(charge(sent)) == (payment if length <= 255 else None)


UNUSABLE: tuple[object, ...] = (None, "", 7, [], "\0", "\ud800")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, value) for name in LABELS for value in UNUSABLE),
        *(("amount", value) for value in ("-1", "1.0", "1e3", "٣", "9" * 30, "9" * 5000)),
        *(("currency", value) for value in ("us", "xxx", "bitcoin")),
        *(("created_at", value) for value in ("now", "2026-11-22", "0001-01-01T00:00:00+14:00")),
    ],
)
def test_labels_with_a_part_that_cannot_be_used_are_not_used(name: str, value: object) -> None:
    assert claimed_payment(charge(LABELS | {name: value})) is None
    assert claimed_payment(charge({each: LABELS[each] for each in LABELS if each != name})) is None


@given(st.dictionaries(st.sampled_from(sorted(LABELS)), st.text() | st.integers() | st.none()))
def test_no_labels_raise_an_error(changed: dict[str, object]) -> None:
    claimed_payment(charge(LABELS | changed))


@pytest.mark.parametrize("metadata", [None, [], "payment_id", {}])
def test_an_object_of_another_application_describes_no_payment(metadata: object) -> None:
    assert claimed_payment(charge(metadata)) is None
    assert claimed_payment(charge(LABELS, livemode="no")) is None
