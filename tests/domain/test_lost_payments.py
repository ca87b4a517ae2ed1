"""A payment that the database has lost is adopted, and a second charge is given back."""

from datetime import datetime
from itertools import permutations
from uuid import UUID

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from application.ports.payment_gateway import MAX_KEY_LENGTH
from domain.capture import CaptureMode
from domain.claim import AlreadyPaid, OrderNotFound
from domain.identifiers import PaymentId
from domain.order import Order
from domain.outcome import Evidence, NeverArrived
from domain.payment import Payment
from domain.payment_status import CAPTURED, PaymentStatus
from domain.refund import Refunded, RefundStatus, ReportedRefund
from domain.refund_rules import MAX_RETRIES
from domain.replica import OrderReplica, OrderStatus
from domain.second_charge import CHARGED_TWICE, second_charge_id
from tests.builders import (
    NOW,
    ORDER,
    OTHER_USER,
    PAYMENT,
    PRICE,
    a_payment,
    after,
    an_order,
    authorized,
    cancelled_event,
    charged,
    claimed,
    created_event,
    declined,
    dollars,
    requires_action,
    start_payment,
)
from tests.strategies import lost_payments, orders, wrong_charges

LOST = a_payment()
SECOND = PaymentId("payment-2")
UNKNOWN = Order(OrderReplica.unknown(ORDER))
AGAIN = charged("payment-1-again")
"""Another charge of the default payment."""


def adopt(order: Order, payment: Payment = LOST, now: datetime = NOW) -> Order:
    """Return the order after the gateway has reported the charge of a lost payment."""
    return order.adopt(payment, charged(payment.id, payment.amount), now)


def reasons(order: Order) -> list[str]:
    """Return why money is given back, and check that all of each payment is."""
    for refund in order.refunds:
        assert refund.automatic
        assert order.refundable(order.payment(refund.payment_id)).is_zero
    return [refund.reason for refund in order.refunds]


# --- adoption ----------------------------------------------------------------------------------


def test_the_adopted_payment_is_the_one_that_was_lost() -> None:
    before = claimed().settle(PAYMENT, charged(), NOW)
    assert adopt(an_order(), claimed().payment(PAYMENT)) == before


@given(orders(), lost_payments(), st.data())
def test_adopting_a_payment_that_the_order_has_is_settling_it(
    order: Order, lost: Payment, data: st.DataObject
) -> None:
    reports: list[Evidence] = [charged(lost.id, lost.amount), declined(lost.id), NeverArrived()]
    # Later than LATE_CAPTURE_WINDOW, so that a repetition has nothing to schedule.
    reported = data.draw(st.sampled_from(reports) | wrong_charges(lost))
    once = order.adopt(lost, reported, after(days=2))
    assert once.adopt(lost, reported, after(days=3)) == once
    if any(payment.id == lost.id for payment in order.payments):
        assert once == order.settle(lost.id, reported, after(days=2))


def test_a_payment_that_was_made_in_time_is_kept_after_the_expiry() -> None:
    order = an_order(replica=created_event(expires_at=after(minutes=1)))
    kept = adopt(order, now=after(hours=3))
    assert (kept.payment(PAYMENT).status, kept.status) == (
        PaymentStatus.SUCCEEDED,
        OrderStatus.COMPLETE,
    )
    late = evolve(LOST, created_at=after(minutes=2))
    assert reasons(adopt(order, late, after(hours=3))) == ["order_expired"]


def test_a_lost_payment_of_a_cancelled_order_is_given_back() -> None:
    order = an_order(replica=created_event().merge(cancelled_event()))
    assert reasons(adopt(order)) == ["order_cancelled"]


@pytest.mark.parametrize(
    "other", [PaymentStatus.PROCESSING, PaymentStatus.SUCCEEDED, PaymentStatus.REVIEW]
)
def test_a_lost_payment_beside_another_one_is_given_back(other: PaymentStatus) -> None:
    order = adopt(an_order(a_payment(SECOND, other)))
    assert reasons(order) == ["order_already_paid"]
    assert order.payment(SECOND).status is other


@given(wrong_charges(LOST))
def test_a_lost_payment_whose_labels_contradict_its_charge_is_reviewed(wrong: Evidence) -> None:
    order = an_order().adopt(LOST, wrong, NOW)
    assert (order.payment(PAYMENT).status, order.status) == (
        PaymentStatus.REVIEW,
        OrderStatus.CREATED,
    )


@pytest.mark.parametrize("evidence", [declined(), NeverArrived()], ids=["declined", "never there"])
def test_a_lost_payment_that_captured_nothing_is_not_recorded(evidence: Evidence) -> None:
    assert an_order().adopt(LOST, evidence, NOW) == an_order()


def test_a_lost_payment_that_waits_for_its_customer_is_adopted_unless_another_one_is_live() -> None:
    waiting = an_order().adopt(LOST, requires_action(), NOW)
    payment = waiting.payment(PAYMENT)
    assert payment.status is PaymentStatus.REQUIRES_ACTION
    assert payment.is_check_due(NOW)
    live = an_order(a_payment(SECOND))
    assert live.adopt(LOST, requires_action(), NOW) == live


def test_a_charge_is_not_recorded_twice_if_its_labels_were_changed() -> None:
    paid = claimed().settle(PAYMENT, charged(), NOW)
    assert paid.adopt(a_payment(SECOND), charged(), NOW) == paid


# --- an order that is not known ----------------------------------------------------------------


def test_an_unknown_order_adopts_a_payment_and_cannot_be_paid_again() -> None:
    adopted = adopt(UNKNOWN)
    assert adopted.payment(PAYMENT).status is PaymentStatus.SUCCEEDED
    with pytest.raises(OrderNotFound):
        start_payment(adopted, SECOND)
    with pytest.raises(AlreadyPaid):
        start_payment(adopted.apply(created_event(), NOW), SECOND)


@pytest.mark.parametrize("event", [created_event(version=3), cancelled_event(version=3)])
def test_an_unknown_order_ends_alike_whether_its_event_or_its_payment_comes_first(
    event: OrderReplica,
) -> None:
    first, last = adopt(UNKNOWN).apply(event, NOW), adopt(an_order(replica=event))
    assert first.replica == last.replica
    assert first.refundable(first.payment(PAYMENT)) == last.refundable(last.payment(PAYMENT))
    assert reasons(first) == reasons(last)


def test_an_adopted_payment_of_another_user_is_not_shown() -> None:
    adopted = adopt(an_order(), evolve(LOST, user_id=OTHER_USER))
    with pytest.raises(AlreadyPaid) as refused:
        start_payment(adopted, SECOND)
    assert refused.value.payment is None


# --- a second charge of one payment ------------------------------------------------------------


@pytest.mark.parametrize("status", sorted(CAPTURED, key=str))
def test_a_second_charge_is_recorded_once_and_given_back(status: PaymentStatus) -> None:
    first = a_payment(status=status)
    order = an_order(first).settle(PAYMENT, AGAIN, after(seconds=9))
    assert order.payment(PAYMENT) == first
    second = order.payment_of_charge(AGAIN.charge_id)
    assert second is not None
    assert (second.status, second.code) == (PaymentStatus.REVERSED, CHARGED_TWICE)
    assert (second.captured_amount, second.reference) == (PRICE, AGAIN.reference)
    assert [refund.charge_id for refund in order.refunds] == [AGAIN.charge_id]
    assert reasons(order) == [CHARGED_TWICE]
    for report in (AGAIN, charged()):
        assert order.settle(PAYMENT, report, after(hours=1)) == order


def test_a_second_charge_does_not_repeat_why_an_operator_released_the_first() -> None:
    order = claimed(replica=created_event(capture=CaptureMode.MANUAL))
    order = order.settle(PAYMENT, authorized(), NOW).void(PAYMENT, "out of stock", NOW)
    order = order.settle(PAYMENT, charged(), NOW).settle(PAYMENT, AGAIN, NOW)
    second = order.payment_of_charge(AGAIN.charge_id)
    assert second is not None
    assert second.release_reason is None
    assert order.payment(PAYMENT).release_reason == "out of stock"


def test_every_second_charge_has_an_id_of_its_own_that_reports_agree_on() -> None:
    order = an_order(a_payment(status=PaymentStatus.SUCCEEDED))
    for number in (1, 2):
        order = order.settle(PAYMENT, charged(f"again-{number}"), NOW)
    assert {payment.id for payment in order.payments} == {
        PAYMENT,
        *(second_charge_id(PAYMENT, charged(f"again-{number}").charge_id) for number in (1, 2)),
    }
    assert all(len(payment.id) <= 255 for payment in order.payments)


def test_each_charge_is_given_back_under_a_key_of_its_own_that_gateways_accept() -> None:
    """A payment that was lost may be restored with either of its two charges."""
    payment = a_payment(str(UUID(int=0)))
    cancelled = an_order().apply(cancelled_event(), NOW)
    refunds = [
        refund
        for first, second in permutations([charged(), AGAIN])
        for order in [cancelled.adopt(payment, first, NOW)]
        for refund in order.settle(payment.id, second, NOW).refunds
    ]
    assert len({refund.key for refund in refunds}) == len(refunds) == 4
    longest = [evolve(each, attempt=MAX_RETRIES) for each in refunds]
    assert all(len(each.key) <= MAX_KEY_LENGTH for each in longest)


def test_a_second_charge_is_given_back_by_its_amount_whatever_was_requested() -> None:
    order = an_order(a_payment(status=PaymentStatus.SUCCEEDED))
    order = order.settle(PAYMENT, charged("again", dollars("7")), NOW)
    assert [refund.amount for refund in order.refunds] == [dollars("7")]


def test_a_second_charge_is_given_back_after_a_full_refund_of_the_first() -> None:
    order = an_order(a_payment(status=PaymentStatus.SUCCEEDED))
    reported = ReportedRefund("re_1", PRICE, Refunded("re_1", PRICE))
    order = order.record_refunds(charged().charge_id, [reported], NOW)
    order = order.settle(PAYMENT, AGAIN, NOW)
    assert [refund.charge_id for refund in order.refunds] == [charged().charge_id, AGAIN.charge_id]


def test_the_gateway_has_a_second_charge_under_the_id_of_the_first_payment() -> None:
    order = an_order(a_payment(status=PaymentStatus.SUCCEEDED)).settle(PAYMENT, AGAIN, NOW)
    second = order.payment_of_charge(AGAIN.charge_id)
    assert second is not None
    assert order.payment_at_gateway(second.id) == evolve(second, id=PAYMENT)
    assert order.payment_at_gateway(PAYMENT) == order.payment(PAYMENT)


def test_the_refund_of_a_second_charge_that_is_lost_is_not_recorded_without_it() -> None:
    order = an_order(a_payment(status=PaymentStatus.SUCCEEDED))
    [sent] = order.settle(PAYMENT, AGAIN, NOW).refunds
    assert order.settle_sent_refund(sent, Refunded("re_1", sent.amount), NOW) is order


def test_a_sent_refund_is_not_recorded_of_the_other_charge_of_a_payment() -> None:
    order = an_order(a_payment(status=PaymentStatus.SUCCEEDED))
    [sent] = order.settle(PAYMENT, AGAIN, NOW).refunds
    other = evolve(sent, payment_id=PAYMENT)
    assert order.settle_sent_refund(other, Refunded("re_1", sent.amount), NOW) is order
    own = evolve(other, charge_id=charged().charge_id)
    assert order.settle_sent_refund(own, Refunded("re_1", sent.amount), NOW).refunds


def test_a_sent_refund_is_recorded_of_a_payment_whose_charge_is_lost() -> None:
    [sent] = an_order(a_payment(status=PaymentStatus.SUCCEEDED)).settle(PAYMENT, AGAIN, NOW).refunds
    first = evolve(sent, payment_id=PAYMENT, charge_id=charged().charge_id)
    restored = an_order(a_payment())
    assert restored.payments[0].charge_id is None
    [refund] = restored.settle_sent_refund(first, Refunded("re_1", sent.amount), NOW).refunds
    assert (refund.id, refund.status) == (first.id, RefundStatus.SUCCEEDED)
