"""The text of a charge's changes, which is written out, is the text that the encoder makes."""

from contextlib import suppress
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from domain.change_text import charge_text_of, general_text_of, new_text_of, text_of
from domain.errors import DomainError
from domain.identifiers import ChargeId, OrderId, PaymentId
from domain.order import Order
from domain.outcome import Declined, Pending
from domain.payment_status import PaymentStatus
from domain.replica import Shipment
from tests.builders import (
    NOW,
    PAYMENT,
    PRICE,
    a_refund,
    an_order,
    authorized,
    cancelled_event,
    charged,
    claimed,
    start_payment,
)
from tests.domain.test_explained_states import DISPUTE
from tests.strategies import orders, steps

OPEN = an_order()
CLAIMED = start_payment(OPEN, PAYMENT)


@given(st.data())
def test_the_text_that_is_written_out_is_that_of_the_encoder(data: st.DataObject) -> None:
    before, after = data.draw(orders()), data.draw(orders())
    with suppress(DomainError):
        after = data.draw(st.just(after) | steps(before).map(lambda step: step(before, NOW)))
    expected = general_text_of(before, after)
    assert charge_text_of(before, after) in (None, expected)
    assert text_of(before, after) == expected


@given(orders())
def test_the_text_of_a_new_order_is_that_of_the_encoder(order: Order) -> None:
    expected = general_text_of(None, order)
    assert new_text_of(order) in (None, expected)
    assert text_of(None, order) == expected
    bare = Order(order.replica)
    is_written_out = order.replica.terms is not None and order.replica.shipment is None
    assert (new_text_of(bare) is not None) is is_written_out
    assert text_of(None, bare) == general_text_of(None, bare)


@given(st.text(max_size=20))
def test_any_id_of_an_order_is_written_as_the_encoder_does(order_id: str) -> None:
    order = Order(evolve(OPEN.replica, id=OrderId(order_id)))
    assert new_text_of(order) == general_text_of(None, order)


@given(st.text(max_size=20))
def test_any_id_of_a_payment_is_written_as_the_encoder_does(payment_id: str) -> None:
    after = start_payment(OPEN, payment_id)
    assert charge_text_of(OPEN, after) == general_text_of(OPEN, after)


PENDING = CLAIMED.settle(PAYMENT, Pending("pi_1"), NOW)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (OPEN, CLAIMED),
        (CLAIMED, CLAIMED.settle(PAYMENT, charged(), NOW)),
        (CLAIMED, CLAIMED.settle(PAYMENT, evolve(charged(), reference=None), NOW)),
        (PENDING, PENDING.settle(PAYMENT, charged(), NOW)),
        (PENDING, PENDING.settle(PAYMENT, evolve(charged(), reference="pi_1"), NOW)),
    ],
)
def test_the_changes_of_a_charge_are_written_out(before: Order, after: Order) -> None:
    assert charge_text_of(before, after) is not None
    assert charge_text_of(before, after) == general_text_of(before, after)


CHARGED = CLAIMED.settle(PAYMENT, charged(), NOW)
FAILED = CLAIMED.settle(PAYMENT, Declined("card_declined"), NOW)


def changed(order: Order, **changes: Any) -> Order:
    """Return an order whose only payment has other values."""
    return evolve(order, payments=(evolve(order.payments[0], **changes),))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (OPEN, evolve(CLAIMED, replica=CHARGED.replica)),
        (OPEN, OPEN.apply(cancelled_event(), NOW)),
        (OPEN, changed(CLAIMED, reference="pi_1")),
        (OPEN, changed(CLAIMED, status=PaymentStatus.PENDING)),
        (OPEN, CHARGED),
        (CLAIMED, FAILED),
        (FAILED, start_payment(FAILED, "payment-2")),
        (CLAIMED, CLAIMED.settle(PAYMENT, authorized(), NOW)),
        (CLAIMED, evolve(CHARGED, replica=CLAIMED.replica)),
        (CLAIMED, evolve(CHARGED, replica=evolve(CHARGED.replica, version=9))),
        (CLAIMED, evolve(CHARGED, replica=evolve(CHARGED.replica, terms=None))),
        (CLAIMED, evolve(CHARGED, replica=evolve(CHARGED.replica, shipment=Shipment(1)))),
        (CLAIMED, evolve(CHARGED, refunds=(a_refund(),))),
        (CLAIMED, evolve(CHARGED, disputes=(DISPUTE,))),
        (evolve(CLAIMED, replica=CHARGED.replica), CHARGED),
        (CLAIMED, changed(CHARGED, code="x")),
        (CLAIMED, changed(CHARGED, id=PaymentId("other"))),
        (CLAIMED, changed(CHARGED, status=PaymentStatus.REVERSED)),
        (CLAIMED, changed(CHARGED, charge_id=None)),
        (CLAIMED, changed(CHARGED, captured_amount=None)),
        (changed(CLAIMED, captured_amount=PRICE), CHARGED),
        (changed(CLAIMED, charge_id=ChargeId("ch_2")), CHARGED),
        (CHARGED, changed(CHARGED, charge_id=ChargeId("ch_2"))),
    ],
)
def test_any_other_change_is_left_to_the_encoder(before: Order, after: Order) -> None:
    assert charge_text_of(before, after) is None
    assert text_of(before, after) == general_text_of(before, after)


def test_an_equal_value_in_another_object_has_not_changed() -> None:
    after = CLAIMED.settle(PAYMENT, charged(), NOW)
    [payment] = after.payments
    copy = evolve(after, payments=(evolve(payment, amount=evolve(payment.amount)),))
    assert text_of(CLAIMED, copy) == text_of(CLAIMED, after)


def test_nothing_is_no_text() -> None:
    assert text_of(CLAIMED, CLAIMED) is None
    assert text_of(claimed(), claimed()) is None
