"""A pending payment is accepted by the gateway, and its money comes days later, or never."""

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.check_times import PENDING_CHECK_INTERVAL, PENDING_FIRST_CHECK_AFTER, PENDING_LIMIT
from domain.claim import PaymentInProgress
from domain.identifiers import PaymentId
from domain.order import Order
from domain.outcome import NeverArrived, NeverSent
from domain.payment_status import CANCELLED_BY_CUSTOMER, PaymentStatus
from tests.builders import (
    NOW,
    PAYMENT,
    PRICE,
    a_payment,
    after,
    an_order,
    cancelled_event,
    charged,
    claimed,
    created_event,
    declined,
    pending,
    requires_action,
    start_payment,
)

SECOND = PaymentId("payment-2")
DAYS_LATER = after(days=9)


def waiting(order: Order | None = None) -> Order:
    """Return an order with a pending payment."""
    return (order or claimed()).settle(PAYMENT, pending(), NOW)


def status(order: Order) -> PaymentStatus:
    """Return the state of the payment."""
    return order.payment(PAYMENT).status


def test_it_blocks_its_order_until_it_has_failed() -> None:
    with pytest.raises(PaymentInProgress) as blocked:
        start_payment(waiting(), SECOND, DAYS_LATER)
    assert blocked.value.payment is not None
    assert blocked.value.payment.status is PaymentStatus.PENDING

    failed = waiting().settle(PAYMENT, declined(code="insufficient_funds"), DAYS_LATER)
    assert (status(failed), failed.payment(PAYMENT).code) == (
        PaymentStatus.FAILED,
        "insufficient_funds",
    )
    assert start_payment(failed, SECOND, DAYS_LATER).payment(SECOND).is_open


def test_its_money_completes_the_order_days_later() -> None:
    paid = waiting().settle(PAYMENT, charged(), DAYS_LATER)
    assert status(paid) is PaymentStatus.SUCCEEDED
    assert paid.payment(PAYMENT).next_check_at is None


@given(st.sampled_from([NeverArrived(), NeverSent(), requires_action(), pending()]))
def test_no_report_but_an_end_ends_it(report: NeverArrived) -> None:
    assert waiting().settle(PAYMENT, report, after(days=300)) == waiting()


def test_it_is_checked_after_an_hour_and_then_up_to_every_six_hours_for_ever() -> None:
    payment, ages = waiting().payment(PAYMENT), list[timedelta]()
    while payment.next_check_at is not None and len(ages) < 100:
        ages.append(payment.next_check_at - NOW)
        payment = payment.schedule_check(payment.next_check_at)
    assert ages[0] == PENDING_FIRST_CHECK_AFTER
    pauses = [later - earlier for earlier, later in pairwise(ages)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == PENDING_CHECK_INTERVAL
    assert ages[-1] > PENDING_LIMIT
    assert sum(age < timedelta(days=14) for age in ages) < 60


# --- called off --------------------------------------------------------------------------------


def test_it_is_cancelled_at_once_if_its_order_is_cancelled() -> None:
    order = waiting().apply(cancelled_event(), DAYS_LATER)
    assert order.payment(PAYMENT).is_check_due(DAYS_LATER)
    assert order.should_cancel(order.payment(PAYMENT), DAYS_LATER)

    late = waiting(claimed().apply(cancelled_event(), NOW))
    assert late.payment(PAYMENT).is_check_due(NOW)
    assert late.should_cancel(late.payment(PAYMENT), NOW)


def test_it_is_cancelled_when_its_order_expires() -> None:
    expires_at = after(minutes=15)
    order = waiting(claimed(replica=created_event(expires_at=expires_at)))
    payment = order.payment(PAYMENT)
    assert payment.next_check_at == expires_at
    assert not order.should_cancel(payment, NOW)
    assert order.should_cancel(payment, expires_at)
    scheduled = order.schedule_check(payment, expires_at)
    assert scheduled.next_check_at == expires_at + PENDING_FIRST_CHECK_AFTER


@pytest.mark.parametrize("minutes", [-5, 15])
def test_it_is_cancelled_when_its_order_expires_earlier_than_announced(minutes: int) -> None:
    earlier = created_event(version=1, expires_at=after(minutes=minutes))
    order = waiting().apply(earlier, NOW)
    payment = order.payment(PAYMENT)
    assert payment.next_check_at == max(NOW, after(minutes=minutes))
    assert order.should_cancel(payment, payment.next_check_at)
    # The same event again does not repeat the check.
    checked = order.with_payment(order.schedule_check(payment, payment.next_check_at))
    assert checked.apply(earlier, after(minutes=20)) == checked


def test_an_order_whose_expiry_was_put_off_keeps_the_money() -> None:
    order = waiting(claimed(replica=created_event(expires_at=after(minutes=15))))
    order = order.apply(created_event(version=1, expires_at=after(days=30)), NOW)
    assert not order.should_cancel(order.payment(PAYMENT), DAYS_LATER)
    assert status(order.settle(PAYMENT, charged(), DAYS_LATER)) is PaymentStatus.SUCCEEDED


@pytest.mark.parametrize("reason", ["order_cancelled", "order_expired"])
def test_money_that_comes_for_an_order_that_has_ended_is_given_back(reason: str) -> None:
    order = waiting(claimed(replica=created_event(expires_at=after(minutes=15))))
    if reason == "order_cancelled":
        order = order.apply(cancelled_event(), NOW)
    order = order.settle(PAYMENT, pending(cannot_be_cancelled=True), after(hours=1))
    assert status(order) is PaymentStatus.PENDING

    order = order.settle(PAYMENT, charged(), DAYS_LATER)
    assert (status(order), order.payment(PAYMENT).code) == (PaymentStatus.REVERSED, reason)
    assert [refund.amount for refund in order.refunds] == [PRICE]


def test_its_customer_can_cancel_it() -> None:
    order = waiting().request_cancellation(PAYMENT, NOW)
    assert order.payment(PAYMENT).is_being_cancelled
    assert order.should_cancel(order.payment(PAYMENT), NOW)
    # A report of an earlier question does not end the request.
    assert order.settle(PAYMENT, pending(), NOW) == order

    order = order.settle(PAYMENT, declined(code="canceled"), NOW)
    payment = order.payment(PAYMENT)
    assert (payment.status, payment.code) == (PaymentStatus.CANCELLED, CANCELLED_BY_CUSTOMER)


def test_a_cancellation_that_the_gateway_refuses_is_over_and_the_money_is_kept() -> None:
    order = waiting().request_cancellation(PAYMENT, NOW)
    order = order.settle(PAYMENT, pending(cannot_be_cancelled=True), NOW)
    payment = order.payment(PAYMENT)
    assert (payment.status, payment.code) == (PaymentStatus.PENDING, None)
    assert not order.should_cancel(payment, DAYS_LATER)
    assert status(order.settle(PAYMENT, charged(), DAYS_LATER)) is PaymentStatus.SUCCEEDED


def test_a_cancellation_goes_on_if_the_customer_has_confirmed_meanwhile() -> None:
    order = claimed().settle(PAYMENT, requires_action(), NOW).request_cancellation(PAYMENT, NOW)
    order = order.settle(PAYMENT, pending(), NOW)
    assert order.payment(PAYMENT).is_being_cancelled
    assert order.payment(PAYMENT).is_check_due(NOW)


# --- found late --------------------------------------------------------------------------------


def test_an_abandoned_payment_that_is_pending_after_all_blocks_its_order_again() -> None:
    order = claimed().settle(PAYMENT, NeverArrived(), NOW).settle(PAYMENT, pending(), NOW)
    assert status(order) is PaymentStatus.PENDING


def test_beside_another_payment_it_stays_abandoned_and_is_cancelled_or_given_back() -> None:
    order = start_payment(claimed().settle(PAYMENT, NeverArrived(), NOW), SECOND)
    order = order.settle(PAYMENT, pending(), NOW)
    payment = order.payment(PAYMENT)
    assert payment.status is PaymentStatus.ABANDONED
    assert order.should_cancel(payment, NOW)
    # It is checked for as long as its money may come, not only for a day.
    assert payment.schedule_check(DAYS_LATER).next_check_at == DAYS_LATER + PENDING_CHECK_INTERVAL
    assert payment.schedule_check(NOW + PENDING_LIMIT).next_check_at is None

    order = order.settle(PAYMENT, charged(), DAYS_LATER)
    assert status(order) is PaymentStatus.REVERSED
    assert [refund.reason for refund in order.refunds] == ["order_already_paid"]


def test_one_that_was_not_checked_any_more_is_checked_again() -> None:
    given_up = claimed().settle(PAYMENT, NeverArrived(), after(days=2))
    assert given_up.payment(PAYMENT).next_check_at is None
    for order in (given_up, start_payment(given_up, SECOND, after(days=2))):
        payment = order.settle(PAYMENT, pending(), DAYS_LATER).payment(PAYMENT)
        assert payment.next_check_at == DAYS_LATER + PENDING_CHECK_INTERVAL


def test_one_that_the_database_has_lost_is_adopted() -> None:
    order = an_order().adopt(a_payment(), pending(), after(days=2))
    payment = order.payment(PAYMENT)
    assert (payment.status, payment.next_check_at is None) == (PaymentStatus.PENDING, False)


def test_one_that_the_database_has_lost_is_checked_even_beside_another_payment() -> None:
    order = start_payment(an_order(), SECOND).adopt(a_payment(), pending(), NOW)
    payment = order.payment(PAYMENT)
    assert payment.status is PaymentStatus.ABANDONED
    assert payment.next_check_at is not None
    assert order.should_cancel(payment, NOW)
