"""A label names its payment and its order, and describes the payment completely or not at all."""

import re
from datetime import UTC, datetime

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from adapters.gateways.paypal.labels import (
    MAX_LABEL,
    Label,
    LabelKey,
    ended_label,
    labelled_refund,
    payment_label,
    refund_label,
    session_label,
)
from domain.capture import CaptureMode
from domain.identifiers import OrderId, PaymentId, RefundId, UserId
from domain.money import Currency, Money
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from domain.refund_rules import automatic_refund
from domain.second_charge import second_charge
from payments_kit.conformance.samples import a_refund
from tests.builders import NOW, a_payment, charged
from tests.strategies import money

CLAIMED = evolve(a_payment(), gateway="paypal", id=PaymentId("0" * 32))
KEY = LabelKey.of("secret")
IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80)
EPOCH, LATEST = datetime(1970, 1, 2), datetime(2999, 1, 1)  # noqa: DTZ001 - as Hypothesis wants
PLAIN = re.compile(r"[A-Za-z0-9_.,-]+", re.ASCII)

payments = st.builds(
    evolve,
    st.just(CLAIMED),
    order_id=(IDS | st.uuids().map(str)).map(OrderId),
    user_id=(IDS | st.uuids().map(str)).map(UserId),
    amount=money(),
    livemode=st.booleans(),
    created_at=st.datetimes(EPOCH, LATEST, timezones=st.just(UTC)),
    capture_mode=st.sampled_from(CaptureMode),
)


@given(payments)
def test_a_payment_is_rebuilt_from_its_label_if_its_ids_fit(payment: Payment) -> None:
    value = payment_label(payment, KEY)
    label = Label.read(value)
    assert label is not None
    assert len(value) <= MAX_LABEL
    assert PLAIN.fullmatch(value)
    assert label.payment == payment.id
    rebuilt = rebuild(label, payment)
    ids = (payment.order_id, payment.user_id)
    fits = all(re.fullmatch(r"[A-Za-z0-9_-]{1,36}", each) for each in ids)
    assert rebuilt == (payment if fits else None)


def rebuild(label: Label, payment: Payment, key: LabelKey | None = KEY) -> Payment | None:
    """Return the payment of a label on what has its amount and mode."""
    mode, livemode = payment.capture_mode, payment.livemode
    return label.claimed(payment.amount, mode, livemode=livemode, key=key)


def test_a_label_that_a_customer_has_written_describes_no_payment() -> None:
    label = Label.read(payment_label(CLAIMED, KEY))
    assert label is not None
    assert rebuild(label, CLAIMED) == CLAIMED
    cheap, late = Money(1, CLAIMED.amount.currency), CaptureMode.MANUAL
    foreign = Money(CLAIMED.amount.minor_units, Currency("jpy"))
    others = (
        *(evolve(CLAIMED, amount=each) for each in (cheap, foreign)),
        evolve(CLAIMED, capture_mode=late),
    )
    assert [rebuild(label, each) for each in others] == [None, None, None]
    assert rebuild(label, CLAIMED, LabelKey.of("another")) is None
    assert rebuild(label, CLAIMED, None) is None
    assert rebuild(evolve(label, payment=PaymentId("1" * 32)), CLAIMED) is None
    assert rebuild(evolve(label, seal=None), CLAIMED) is None


@given(payments, IDS.map(OrderId))
def test_a_label_is_for_its_own_order_only(payment: Payment, other: OrderId) -> None:
    for value in (session_label(payment.order_id), ended_label(payment, "declined")):
        label = Label.read(value)
        assert label is not None
        assert label.is_for(payment.order_id)
        assert label.is_for(other) is (other == payment.order_id)


@given(st.text() | st.none() | st.integers())
def test_any_other_text_is_no_label(value: object) -> None:
    label = Label.read(value)
    assert label is None or isinstance(value, str)
    assert Label.read(f"s,{value},x") is None


@pytest.mark.parametrize(
    "value", ["", "s,", "p,1", "x,1,2", "p,a,b,c", "P,a,b", "order-1", "s,a\n"]
)
def test_a_label_of_somebody_else_is_none_of_ours(value: str) -> None:
    assert Label.read(value) is None


def test_a_refund_s_label_names_its_key_and_its_payment() -> None:
    refund = evolve(a_refund(CLAIMED, charged(), 400), id=RefundId("r" * 44), attempt=10)
    value = refund_label(refund)
    assert len(value) <= MAX_LABEL
    assert PLAIN.fullmatch(value)
    assert labelled_refund(value) == (refund.id, refund.key, CLAIMED.id)
    assert labelled_refund(payment_label(CLAIMED, KEY)) is None
    assert labelled_refund(None) is None


def test_the_refund_of_a_second_charge_has_a_label_that_paypal_accepts() -> None:
    second = second_charge(evolve(CLAIMED, status=PaymentStatus.SUCCEEDED), charged(), NOW)
    refund = automatic_refund(second, [], NOW)
    assert refund is not None
    value = refund_label(refund)
    assert len(value) <= MAX_LABEL
    assert labelled_refund(value) == (refund.id, refund.key, second.id)
