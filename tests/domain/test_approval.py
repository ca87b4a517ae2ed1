"""The money of an approved payment is taken only if the order still may have it."""

from datetime import datetime

import pytest
from attrs import evolve

from domain.check_times import AUTHENTICATION_WINDOW, LATE_CAPTURE_WINDOW
from domain.claim import ExpectedAmount, PaymentInProgress
from domain.identifiers import PaymentId
from domain.order import Order
from domain.outcome import Evidence, NeverArrived, NeverSent
from domain.payment_status import CANCELLED_BY_CUSTOMER, PaymentStatus
from tests.builders import (
    GATEWAY,
    NOW,
    PAYER,
    PAYMENT,
    a_payment,
    after,
    an_order,
    approved,
    cancelled_event,
    charged,
    claimed,
    created_event,
    declined,
    requires_action,
    start_payment,
)

LATER = after(minutes=5)
PROCESSING, REQUIRES_ACTION = PaymentStatus.PROCESSING, PaymentStatus.REQUIRES_ACTION


def waiting(order: Order | None = None) -> Order:
    """Return an order whose customer has not approved the payment yet."""
    return (order or claimed()).settle(PAYMENT, requires_action(), NOW)


def status(order: Order) -> PaymentStatus:
    """Return the state of the payment."""
    return order.payment(PAYMENT).status


def approve(order: Order, now: datetime = LATER) -> Order:
    """Return the order after the gateway has reported the approval."""
    return order.settle(PAYMENT, approved(), now)


def test_the_money_is_taken_while_the_payment_is_processing() -> None:
    taken = approve(waiting())
    assert status(taken) is PROCESSING
    assert taken.payment(PAYMENT).reference == approved().reference
    assert not taken.payment(PAYMENT).is_check_due(LATER)
    assert status(taken.settle(PAYMENT, charged(), LATER)) is PaymentStatus.SUCCEEDED
    assert status(taken.settle(PAYMENT, declined(), LATER)) is PaymentStatus.FAILED


def test_when_it_was_first_decided_is_kept() -> None:
    taken = approve(waiting())
    assert taken.payment(PAYMENT).decided_at == LATER
    again = approve(waiting(taken), after(minutes=6))
    assert status(again) is PROCESSING
    assert again.payment(PAYMENT).decided_at == LATER


def test_a_charge_that_never_arrived_is_continued() -> None:
    order = start(an_order())
    assert order.payment(PAYMENT).reference == "session-1"
    assert status(approve(order)) is PROCESSING


def test_a_second_report_decides_again() -> None:
    taken = approve(waiting())
    assert approve(taken) == taken
    cancelled = taken.apply(cancelled_event(), LATER)
    again = approve(cancelled)
    assert status(again) is REQUIRES_ACTION
    assert again.should_cancel(again.payment(PAYMENT), LATER)


def test_nothing_is_taken_for_an_order_that_may_not_have_it() -> None:
    expiring = created_event(expires_at=after(minutes=1))
    other = an_order(a_payment("payment-2", PaymentStatus.SUCCEEDED))
    refusing = [
        waiting().apply(cancelled_event(), NOW),
        waiting(claimed(replica=expiring)),
        waiting().request_cancellation(PAYMENT, NOW),
        waiting().complete(),
        evolve(waiting(), payments=(*waiting().payments, *other.payments)),
    ]
    for order in refusing:
        refused = approve(order)
        assert status(refused) is REQUIRES_ACTION
        assert refused.payment(PAYMENT).is_check_due(LATER)


def test_an_approval_that_comes_too_late_is_not_used() -> None:
    assert status(approve(waiting(), NOW + AUTHENTICATION_WINDOW)) is REQUIRES_ACTION


@pytest.mark.parametrize("last", [declined(), charged(), NeverArrived()])
def test_a_payment_that_has_ended_is_never_taken(last: object) -> None:
    ended = waiting().settle(PAYMENT, last, NOW)  # type: ignore[arg-type]
    assert status(approve(ended)) is status(ended)


def test_it_cannot_be_cancelled_by_its_customer_while_it_is_taken() -> None:
    taken = approve(waiting())
    assert taken.request_cancellation(PAYMENT, LATER) == taken


def test_an_earlier_cancellation_by_its_customer_wins() -> None:
    cancelled = approve(waiting().request_cancellation(PAYMENT, NOW))
    assert cancelled.payment(PAYMENT).is_being_cancelled
    ended = cancelled.settle(PAYMENT, declined(), LATER)
    assert (status(ended), ended.payment(PAYMENT).code) == (
        PaymentStatus.CANCELLED,
        CANCELLED_BY_CUSTOMER,
    )


def test_a_session_that_was_never_sent_is_free_for_the_next_payment() -> None:
    released = start(an_order()).settle(PAYMENT, NeverSent(), NOW)
    assert released.payment(PAYMENT).reference is None
    again = start(released, "payment-2")
    assert again.payment(PaymentId("payment-2")).reference == "session-1"


def test_a_payment_without_a_record_is_looked_for_during_a_day() -> None:
    order = start(an_order()).settle(PAYMENT, NeverArrived(), after(minutes=1))
    later = order.settle(PAYMENT, NeverArrived(), after(hours=23))
    assert later.payment(PAYMENT).next_check_at is not None
    ended = later.settle(PAYMENT, NeverArrived(), after(hours=25))
    assert ended.payment(PAYMENT).next_check_at is None
    assert status(ended.settle(PAYMENT, charged(), after(hours=25))) is PaymentStatus.SUCCEEDED


def test_a_lost_payment_is_taken_only_if_no_other_is_live() -> None:
    lost = waiting().payment(PAYMENT)
    assert status(an_order().adopt(lost, approved(), LATER)) is PROCESSING
    other = start_payment(an_order(), "payment-2")
    assert status(other.adopt(lost, approved(), LATER)) is PaymentStatus.ABANDONED


@pytest.mark.parametrize("is_lost", [False, True])
def test_what_was_approved_of_an_abandoned_payment_is_cancelled_at_the_gateway(
    is_lost: bool,
) -> None:
    if is_lost:  # and found while another payment is live
        lost = claimed().payment(PAYMENT)
        order = start_payment(an_order(), "payment-2").adopt(lost, approved(), LATER)
    else:
        order = claimed().settle(PAYMENT, NeverArrived(), LATER)
        order = order.settle(PAYMENT, approved(), LATER)
    abandoned = order.payment(PAYMENT)
    assert abandoned.status is PaymentStatus.ABANDONED
    assert abandoned.next_check_at is not None
    assert order.should_cancel(abandoned, LATER)
    assert order.settle(PAYMENT, approved(), LATER) == order


@pytest.mark.parametrize("report", [approved(), requires_action()])
def test_an_abandoned_payment_that_is_found_late_is_checked_once_more(report: Evidence) -> None:
    late = NOW + LATE_CAPTURE_WINDOW
    order = claimed().settle(PAYMENT, NeverArrived(), late)
    assert order.payment(PAYMENT).next_check_at is None
    found = order.settle(PAYMENT, report, late).payment(PAYMENT)
    assert found.is_check_due(late)
    assert order.should_cancel(found, late)


def test_it_blocks_its_order() -> None:
    with pytest.raises(PaymentInProgress):
        start_payment(approve(waiting()), "payment-2", LATER)


def start(order: Order, payment_id: str = PAYMENT) -> Order:
    """Return the order after a payment with a session has started."""
    payer = ExpectedAmount()
    return order.claim(
        PaymentId(payment_id), PAYER, payer, GATEWAY, False, NOW, reference="session-1"
    )
