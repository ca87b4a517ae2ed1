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
    ended_label,
    labelled_refund,
    payment_label,
    refund_label,
    session_label,
)
from domain.capture import CaptureMode
from domain.identifiers import OrderId, PaymentId, RefundId, UserId
from domain.payment import Payment
from payments_kit.conformance.samples import a_refund
from tests.builders import a_payment, charged
from tests.strategies import money

CLAIMED = evolve(a_payment(), gateway="paypal", id=PaymentId("0" * 36))
IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80)
EPOCH = datetime(1970, 1, 2)  # noqa: DTZ001 - Hypothesis wants it so
PLAIN = re.compile(r"[A-Za-z0-9_.,-]+", re.ASCII)

payments = st.builds(
    evolve,
    st.just(CLAIMED),
    order_id=(IDS | st.uuids().map(str)).map(OrderId),
    user_id=(IDS | st.uuids().map(str)).map(UserId),
    amount=money(),
    livemode=st.booleans(),
    created_at=st.datetimes(min_value=EPOCH, timezones=st.just(UTC)),
    capture_mode=st.sampled_from(CaptureMode),
)


@given(payments)
def test_a_payment_is_rebuilt_from_its_label_if_its_ids_fit(payment: Payment) -> None:
    value = payment_label(payment)
    label = Label.read(value)
    assert label is not None
    assert len(value) <= MAX_LABEL
    assert PLAIN.fullmatch(value)
    assert label.payment == payment.id
    rebuilt = label.claimed(payment.amount, payment.capture_mode, livemode=payment.livemode)
    ids = (payment.order_id, payment.user_id)
    fits = all(re.fullmatch(r"[A-Za-z0-9_-]{1,36}", each) for each in ids)
    assert rebuilt == (payment if fits else None)


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
    assert labelled_refund(payment_label(CLAIMED)) is None
    assert labelled_refund(None) is None
