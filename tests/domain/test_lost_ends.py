"""A lost payment that was claimed later shows that the earlier ones of its order had ended."""

from datetime import datetime

import pytest

from domain.explain_payment import explain_payment
from domain.identifiers import PaymentId
from domain.order import Order
from domain.order_reviews import ReviewDecision
from domain.outcome import Declined, Evidence, NeverArrived
from domain.payment import Payment
from domain.payment_status import CANCELLED_BY_CUSTOMER, OPEN, ORDER_ALREADY_PAID, PaymentStatus
from domain.replica import OrderStatus
from tests.builders import (
    NOW,
    PAYMENT,
    a_payment,
    after,
    an_order,
    authorized,
    charged,
    dollars,
    pending,
    requires_action,
)

LATER = PaymentId("later")
ENDED = {
    PaymentStatus.PROCESSING: PaymentStatus.ABANDONED,
    PaymentStatus.REQUIRES_ACTION: PaymentStatus.FAILED,
    PaymentStatus.PENDING: PaymentStatus.FAILED,
    PaymentStatus.AUTHORIZED: PaymentStatus.CANCELLED,
}
LATER_CLAIM, FOUND_AT = after(minutes=1), after(minutes=5)


def find_later(
    order: Order, claimed_at: datetime = LATER_CLAIM, found_at: datetime = FOUND_AT
) -> Order:
    """Return the order after the charge of a lost payment was reported."""
    lost = a_payment(LATER, created_at=claimed_at)
    return order.adopt(lost, charged(LATER), found_at)


def earlier(order: Order) -> Payment:
    """Return the payment that was claimed first."""
    return order.payment(PAYMENT)


def test_every_open_state_has_an_end() -> None:
    assert set(ENDED) == OPEN


@pytest.mark.parametrize("status", ENDED)
def test_the_later_one_is_kept_and_the_earlier_one_has_ended(status: PaymentStatus) -> None:
    order = find_later(an_order(a_payment(status=status)))
    assert order.payment(LATER).status is PaymentStatus.SUCCEEDED
    assert (order.status, order.refunds) == (OrderStatus.COMPLETE, ())
    assert earlier(order).status is ENDED[status]


@pytest.mark.parametrize("seconds", [2, 300])
@pytest.mark.parametrize("status", ENDED)
def test_what_the_gateway_has_of_the_earlier_one_is_checked_at_once(
    status: PaymentStatus, seconds: int
) -> None:
    found_at = after(seconds=seconds)
    order = find_later(an_order(a_payment(status=status)), after(seconds=1), found_at)
    assert earlier(order).is_check_due(found_at)
    # A request of what was processing may still be executed: it is looked up, and not cancelled.
    is_cancelled = order.should_cancel(earlier(order), found_at)
    assert is_cancelled is (status is not PaymentStatus.PROCESSING)


@pytest.mark.parametrize("status", ENDED)
def test_a_capture_of_the_earlier_one_is_given_back(status: PaymentStatus) -> None:
    order = find_later(an_order(a_payment(status=status))).settle(PAYMENT, charged(), FOUND_AT)
    assert order.payment(LATER).status is PaymentStatus.SUCCEEDED
    assert earlier(order).status is PaymentStatus.REVERSED
    assert [refund.payment_id for refund in order.refunds] == [PAYMENT]


@pytest.mark.parametrize("status", ENDED)
@pytest.mark.parametrize("late", [authorized(), pending(), requires_action()], ids=str)
def test_the_earlier_one_is_never_live_again_beside_it(
    status: PaymentStatus, late: Evidence
) -> None:
    order = find_later(an_order(a_payment(status=status)))
    assert not earlier(order.settle(PAYMENT, late, FOUND_AT)).is_live


@pytest.mark.parametrize("status", sorted(OPEN - {PaymentStatus.PROCESSING}, key=str))
@pytest.mark.parametrize("report", [Declined("canceled"), NeverArrived()], ids=str)
def test_nothing_is_left_to_check_once_the_gateway_has_confirmed_it(
    status: PaymentStatus, report: Declined | NeverArrived
) -> None:
    order = find_later(an_order(a_payment(status=status))).settle(PAYMENT, report, after(hours=1))
    assert (earlier(order).status, earlier(order).next_check_at) == (ENDED[status], None)


def test_one_that_its_customer_was_cancelling_is_cancelled() -> None:
    waiting = an_order(a_payment(status=PaymentStatus.REQUIRES_ACTION))
    order = find_later(waiting.request_cancellation(PAYMENT, NOW))
    ended = earlier(order)
    assert (ended.status, ended.code) == (PaymentStatus.CANCELLED, CANCELLED_BY_CUSTOMER)


def test_it_is_explained_as_decided_by_the_rules() -> None:
    order = find_later(an_order(a_payment(status=PaymentStatus.PENDING)))
    facts = explain_payment(order, PAYMENT, FOUND_AT).evidence
    [why] = [fact for fact in facts if ORDER_ALREADY_PAID in fact.what]
    assert why.source == "rules"


def test_one_claimed_at_the_same_moment_or_later_has_not_ended() -> None:
    live = a_payment(status=PaymentStatus.REQUIRES_ACTION)
    for claimed_at in (NOW, after(minutes=-1)):
        order = find_later(an_order(live), claimed_at)
        assert earlier(order) == live
        assert order.payment(LATER).code == ORDER_ALREADY_PAID


@pytest.mark.parametrize("status", [PaymentStatus.SUCCEEDED, PaymentStatus.REVIEW])
def test_one_whose_money_was_captured_keeps_it(status: PaymentStatus) -> None:
    paid = a_payment(status=status)
    order = find_later(an_order(paid))
    assert earlier(order) == paid
    assert order.payment(LATER).code == ORDER_ALREADY_PAID


def test_another_amount_of_the_later_one_is_for_an_operator_to_decide() -> None:
    lost = a_payment(LATER, created_at=LATER_CLAIM)
    waiting = an_order(a_payment(status=PaymentStatus.REQUIRES_ACTION))
    order = waiting.adopt(lost, charged(LATER, dollars("7")), FOUND_AT)
    assert order.payment(LATER).status is PaymentStatus.REVIEW
    accepted = order.decide_review(LATER, ReviewDecision.ACCEPT, FOUND_AT)
    assert accepted.payment(LATER).status is PaymentStatus.SUCCEEDED
    assert not earlier(accepted).is_live
