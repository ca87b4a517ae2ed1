"""Every reachable state has an explanation that the rules themselves agree with."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.capture import CaptureMode
from domain.check_times import LATE_CAPTURE_WINDOW, PENDING_LIMIT
from domain.dispute import DisputeStatus
from domain.explain_order import explain_order
from domain.explain_payment import explain_payment, is_payable
from domain.explain_refund import explain_dispute, explain_refund
from domain.explanation import Action, Party
from domain.identifiers import DisputeId, PaymentId, RefundId
from domain.money import Money
from domain.order import Order
from domain.order_entities import PaymentNotFound
from domain.order_reviews import ReviewDecision
from domain.outcome import NeverArrived
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from domain.refund import RefundFailed
from tests.builders import (
    NOW,
    PAYMENT,
    PRICE,
    UNTIL,
    USD,
    an_order,
    authorized,
    cancelled_event,
    charged,
    claimed,
    created_event,
    declined,
    pending,
    requires_action,
    start_payment,
)
from tests.strategies import orders

LATER = NOW + timedelta(hours=3)
TIMES = st.integers(-600, 3 * 24 * 3600).map(lambda seconds: NOW + timedelta(seconds=seconds))


@given(orders(), TIMES)
def test_everything_of_an_order_can_be_explained_at_any_time(order: Order, now: datetime) -> None:
    assert explain_order(order, now).status == order.status.value
    for payment in order.payments:
        assert explain_payment(order, payment.id, now).status == payment.status.value
    for refund in order.refunds:
        assert explain_refund(order, refund).status == refund.status.value
    for dispute in order.disputes:
        assert explain_dispute(dispute).status == dispute.status.value


@given(orders(), TIMES)
def test_what_is_still_checked_or_open_waits_for_something(order: Order, now: datetime) -> None:
    for payment in order.payments:
        wait = explain_payment(order, payment.id, now).wait
        if payment.is_open or payment.next_check_at is not None:
            assert wait is not None
        if payment.is_open:
            assert wait is not None
            assert wait.ends_with
    for refund in order.refunds:
        assert (explain_refund(order, refund).wait is None) == (refund.next_check_at is None)


@given(orders(), TIMES)
def test_an_action_that_is_offered_is_not_refused(order: Order, now: datetime) -> None:
    for payment in order.payments:
        for action in explain_payment(order, payment.id, now).actions:
            _try(order, payment, action, now)


def _try(order: Order, payment: Payment, action: Action, now: datetime) -> None:
    match action.command.split():
        case ["payments", "refund", *_]:
            order.reserve_refund(RefundId("offered"), payment.id, None, "requested", now)
        case ["payments", "review", decision, *_]:
            order.decide_review(payment.id, ReviewDecision(decision), now)
        case ["payments", "capture", *_]:
            order.request_capture(payment.id, None, now)
        case ["payments", "void", *_]:
            order.void(payment.id, "voided", now)
        case ["POST", "/api/payments"]:
            assert action.who is Party.PAYER
            start_payment(order, "another", now)
        case ["POST", path]:
            assert path == f"/api/payments/{payment.id}/cancel"
            assert order.request_cancellation(payment.id, now) != order
            assert not order.should_cancel(payment, now)
        case _:
            pytest.fail(f"unknown action: {action.command}")


@given(orders(), TIMES)
def test_an_order_that_can_be_paid_waits_for_its_customer(order: Order, now: datetime) -> None:
    wait = explain_order(order, now).wait
    says_so = wait is not None and wait.what == "its customer to pay"
    assert says_so == is_payable(order, now)
    if says_so:
        start_payment(order, "another", now)


@given(orders(), TIMES)
def test_evidence_whose_time_is_known_is_not_of_the_future(order: Order, now: datetime) -> None:
    for payment in order.payments:
        for fact in explain_payment(order, payment.id, now).evidence:
            assert fact.at is None or fact.at >= NOW - timedelta(minutes=10)


def ends(order: Order, now: datetime = NOW, payment: PaymentId = PAYMENT) -> set[str]:
    """Return the states that may follow, as the explanation says it."""
    wait = explain_payment(order, payment, now).wait
    assert wait is not None
    return {each.rpartition(": ")[2] for each in wait.ends_with}


def test_the_times_in_the_evidence_are_written_alike() -> None:
    order = claimed(replica=created_event(expires_at=UNTIL)).settle(PAYMENT, authorized(), NOW)
    said = [each.what for each in explain_order(order, NOW).evidence]
    said += [each.what for each in explain_payment(order, PAYMENT, NOW).evidence]
    times = {each.rsplit("until ", 1)[1] for each in said if "until " in each}
    assert times == {f"{UNTIL:%Y-%m-%dT%H:%M:%S}.000Z"}


def test_an_unknown_outcome_is_checked_again_and_no_time_ends_it() -> None:
    order = claimed()
    wait = explain_payment(order, PAYMENT, NOW).wait
    assert wait is not None
    assert wait.until == order.payment(PAYMENT).next_check_at
    assert ends(order) == {
        *("succeeded", "review", "failed", "authorized", "pending", "requires_action")
    }
    assert ends(order, LATER) == ends(order) | {"abandoned"}


def test_a_late_charge_of_a_cancelled_order_is_said_to_be_given_back() -> None:
    order = claimed().apply(cancelled_event(), NOW)
    assert "succeeded" not in ends(order)
    assert "reversed" in ends(order)


def test_a_customer_who_must_act_has_until_the_order_expires() -> None:
    expires_at = NOW + timedelta(minutes=15)
    order = claimed(replica=created_event(expires_at=expires_at))
    order = order.settle(PAYMENT, requires_action(), NOW)
    explanation = explain_payment(order, PAYMENT, NOW)
    assert explanation.wait is not None
    assert explanation.wait.until == expires_at
    assert explanation.actions == (Action(f"POST /api/payments/{PAYMENT}/cancel", Party.PAYER),)
    after = explain_payment(order, PAYMENT, expires_at)
    assert after.wait is not None
    assert "to cancel it" in after.wait.what
    assert after.actions == ()


def test_money_that_comes_later_is_waited_for_as_long_as_banks_take() -> None:
    order = claimed().settle(PAYMENT, pending(), NOW)
    wait = explain_payment(order, PAYMENT, NOW).wait
    assert wait is not None
    assert wait.until == NOW + PENDING_LIMIT


def test_an_authorization_can_be_captured_or_released_until_its_end() -> None:
    order = claimed(replica=created_event(capture=CaptureMode.MANUAL))
    order = order.settle(PAYMENT, authorized(), NOW)
    explanation = explain_payment(order, PAYMENT, NOW)
    assert explanation.wait is not None
    assert explanation.wait.until == UNTIL
    assert {each.command.split()[1] for each in explanation.actions} == {"capture", "void"}
    capturing = order.request_capture(PAYMENT, 300, NOW)
    wait = explain_payment(capturing, PAYMENT, NOW).wait
    assert wait is not None
    assert wait.what == "in_memory to capture 3.00 usd; the next check"
    releasing = order.void(PAYMENT, "voided", NOW)
    assert ends(releasing) == {"cancelled", "reversed", "review"}


def test_an_abandoned_payment_waits_for_a_late_charge_and_lets_its_customer_pay() -> None:
    order = claimed().settle(PAYMENT, NeverArrived(), NOW)
    explanation = explain_payment(order, PAYMENT, NOW)
    assert explanation.wait is not None
    assert explanation.wait.until == NOW + LATE_CAPTURE_WINDOW
    assert explanation.actions == (Action("POST /api/payments", Party.PAYER),)


def test_a_paid_order_waits_for_nothing() -> None:
    order = claimed().settle(PAYMENT, charged(), NOW)
    assert explain_payment(order, PAYMENT, NOW).wait is None
    assert explain_order(order, NOW).wait is None


def test_a_declined_payment_says_the_gateways_code() -> None:
    order = claimed().settle(PAYMENT, declined(), NOW)
    said = [each.what for each in explain_payment(order, PAYMENT, NOW).evidence]
    assert f"failed because of {declined().code}" in said


def test_a_payment_in_review_waits_for_an_operator() -> None:
    wrong = charged(PAYMENT, Money(PRICE.minor_units + 1, USD))
    order = claimed().settle(PAYMENT, wrong, NOW)
    assert order.payment(PAYMENT).status is PaymentStatus.REVIEW
    wait = explain_payment(order, PAYMENT, NOW).wait
    assert wait is not None
    assert wait.what.startswith("an operator to decide")
    assert len(wait.ends_with) == 3
    offered = {each.command.split()[2] for each in explain_payment(order, PAYMENT, NOW).actions}
    assert {"accept", "refund"} <= offered


def test_a_payment_that_is_given_back_waits_for_its_refund() -> None:
    order = claimed().settle(PAYMENT, charged(), NOW).apply(cancelled_event(), NOW)
    [refund] = order.refunds
    wait = explain_payment(order, PAYMENT, NOW).wait
    assert wait is not None
    assert refund.id in wait.what
    assert explain_order(order, NOW).wait is not None


def test_a_failed_refund_can_be_made_again() -> None:
    order = claimed().settle(PAYMENT, charged(), NOW)
    order = order.reserve_refund(RefundId("r"), PAYMENT, None, "requested", NOW)
    order = order.settle_refund(RefundId("r"), RefundFailed("lost_card"), NOW)
    [refund] = order.refunds
    explanation = explain_refund(order, refund)
    assert explanation.wait is None
    assert explanation.actions == (
        Action(f"payments refund {PAYMENT} --reason TEXT", Party.OPERATOR),
    )


def test_an_open_dispute_waits_for_the_bank() -> None:
    order = claimed().settle(PAYMENT, charged(), NOW)
    charge = order.payment(PAYMENT).charge_id
    assert charge is not None
    disputed = order.record_dispute(
        DisputeId("dp"), charge, PRICE, "fraudulent", DisputeStatus.OPEN
    )
    wait = explain_dispute(disputed.disputes[0]).wait
    assert wait is not None
    assert len(wait.ends_with) == 3
    won = disputed.record_dispute(DisputeId("dp"), charge, PRICE, "fraudulent", DisputeStatus.WON)
    assert explain_dispute(won.disputes[0]).wait is None


def test_an_order_that_is_only_known_as_shipped_waits_for_its_creation() -> None:
    order = an_order(replica=cancelled_event())
    assert explain_order(order, NOW).wait is None


def test_an_unknown_payment_is_an_error() -> None:
    with pytest.raises(PaymentNotFound):
        explain_payment(an_order(), PAYMENT, NOW)
