"""An operator decides about money that was captured differently, once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.claim import AlreadyPaid
from domain.errors import DomainError
from domain.identifiers import ChargeId, PaymentId, RefundId
from domain.money import Currency, Money
from domain.order import Order
from domain.order_reviews import (
    REVIEW_REFUSED,
    CannotBeKept,
    NotInReview,
    ReviewDecision,
)
from domain.outcome import Authorized, Evidence, NeverArrived, Pending
from domain.payment_status import TRANSITIONS, PaymentStatus
from domain.refund import Refunded, RefundFailed
from domain.replica import OrderStatus
from tests.builders import (
    NOW,
    PAYMENT,
    PRICE,
    USD,
    cancelled_event,
    charged,
    claimed,
    declined,
    start_payment,
)
from tests.strategies import orders

LESS = Money(PRICE.minor_units - 1, USD)
OTHER = PaymentId("payment-2")
ACCEPT, REFUND = ReviewDecision.ACCEPT, ReviewDecision.REFUND


def in_review(captured: Money = LESS) -> Order:
    """Return an order with a payment of which the gateway has captured something else."""
    return claimed().settle(PAYMENT, charged(PAYMENT, captured), NOW)


def test_an_order_that_keeps_the_money_is_paid_with_what_was_captured() -> None:
    kept = in_review().decide_review(PAYMENT, ACCEPT, NOW)
    payment = kept.payment(PAYMENT)
    assert (payment.status, payment.captured_amount) == (PaymentStatus.SUCCEEDED, LESS)
    assert payment.code == "amount_mismatch"
    assert kept.status is OrderStatus.COMPLETE
    assert kept.refunds == ()


def test_money_in_another_currency_can_be_accepted_too() -> None:
    euros = Money(PRICE.minor_units, Currency("eur"))
    kept = in_review(euros).decide_review(PAYMENT, ACCEPT, NOW)
    assert kept.payment(PAYMENT).captured_amount == euros


def test_money_that_is_not_accepted_is_given_back_completely() -> None:
    refused = in_review().decide_review(PAYMENT, REFUND, NOW)
    payment, [refund] = refused.payment(PAYMENT), refused.refunds
    assert (payment.status, payment.code) == (PaymentStatus.REVERSED, REVIEW_REFUSED)
    assert (refund.amount, refund.automatic, refund.reason) == (LESS, True, REVIEW_REFUSED)


def test_a_refund_that_the_bank_rejects_is_made_again() -> None:
    refused = in_review().decide_review(PAYMENT, REFUND, NOW)
    again = refused.settle_refund(refused.refunds[0].id, RefundFailed("lost_card"), NOW)
    assert [each.amount for each in again.refunds if each.is_reserved] == [LESS]


@pytest.mark.parametrize("first", ReviewDecision)
@pytest.mark.parametrize("second", ReviewDecision)
def test_a_decision_is_made_once(first: ReviewDecision, second: ReviewDecision) -> None:
    decided = in_review().decide_review(PAYMENT, first, NOW)
    with pytest.raises(NotInReview):
        decided.decide_review(PAYMENT, second, NOW)


def test_the_decisions_are_the_transitions_of_a_review() -> None:
    decided = {in_review().decide_review(PAYMENT, each, NOW) for each in ReviewDecision}
    after = {each.payment(PAYMENT).status for each in decided}
    assert after == TRANSITIONS[PaymentStatus.REVIEW]


def test_a_payment_as_requested_has_nothing_to_decide() -> None:
    with pytest.raises(NotInReview) as refused:
        claimed().settle(PAYMENT, charged(), NOW).decide_review(PAYMENT, ACCEPT, NOW)
    assert refused.value.status is PaymentStatus.SUCCEEDED


def test_a_cancelled_order_keeps_nothing() -> None:
    cancelled = in_review().apply(cancelled_event(), NOW)
    with pytest.raises(CannotBeKept) as refused:
        cancelled.decide_review(PAYMENT, ACCEPT, NOW)
    assert refused.value.because == "order_cancelled"


def test_what_is_given_back_already_cannot_be_kept() -> None:
    order = in_review().reserve_refund(RefundId("r"), PAYMENT, None, "requested", NOW)
    with pytest.raises(CannotBeKept) as given_back:
        order.decide_review(PAYMENT, ACCEPT, NOW)
    assert given_back.value.because == "given_back"
    back = order.settle_refund(RefundId("r"), Refunded("re", LESS), NOW)
    refused = back.decide_review(PAYMENT, REFUND, NOW)
    assert len(refused.refunds) == 1


def test_a_payment_that_blocks_no_other_one_does_not_prevent_an_order_from_keeping_it() -> None:
    order = claimed(OTHER).settle(OTHER, declined(OTHER), NOW)
    order = start_payment(order, PAYMENT).settle(PAYMENT, charged(PAYMENT, LESS), NOW)
    assert order.decide_review(PAYMENT, ACCEPT, NOW).status is OrderStatus.COMPLETE


def test_an_order_with_another_live_payment_does_not_keep_a_second_one() -> None:
    order = start_payment(claimed().settle(PAYMENT, NeverArrived(), NOW), OTHER)
    order = order.settle(OTHER, NeverArrived(), NOW).settle(PAYMENT, charged(PAYMENT, LESS), NOW)
    order = order.settle(OTHER, Pending("pi_2"), NOW)
    assert order.payment(OTHER).is_live
    with pytest.raises(CannotBeKept) as refused:
        order.decide_review(PAYMENT, ACCEPT, NOW)
    assert refused.value.because == "order_already_paid"


@pytest.mark.parametrize(
    "report",
    [
        *(None, Pending("pi_2"), Authorized(ChargeId("ch_2"), PRICE, True, NOW)),
        *(charged(OTHER), charged(OTHER, LESS)),
    ],
)
@pytest.mark.parametrize("captured", [LESS, Money(PRICE.minor_units, Currency("eur"))])
def test_money_that_nobody_could_accept_is_given_back_without_a_decision(
    report: Evidence | None, captured: Money
) -> None:
    order = start_payment(claimed().settle(PAYMENT, NeverArrived(), NOW), OTHER)
    order = order if report is None else order.settle(OTHER, report, NOW)
    wrong = order.settle(PAYMENT, charged(PAYMENT, captured), NOW)
    payment = wrong.payment(PAYMENT)
    code = "amount_mismatch" if captured == LESS else "currency_mismatch"
    assert (payment.status, payment.code) == (PaymentStatus.REVERSED, code)
    assert wrong.payment(OTHER) == order.payment(OTHER)
    [refund] = wrong.refunds
    assert (refund.payment_id, refund.amount, refund.automatic) == (PAYMENT, captured, True)
    assert refund.reason == code


def test_money_beside_a_payment_that_has_ended_waits_for_a_decision() -> None:
    order = start_payment(claimed().settle(PAYMENT, NeverArrived(), NOW), OTHER)
    order = order.settle(OTHER, declined(OTHER), NOW).settle(PAYMENT, charged(PAYMENT, LESS), NOW)
    assert order.refunds == ()


@given(orders(), st.data())
def test_whatever_is_captured_beside_a_live_payment_is_given_back(
    order: Order, data: st.DataObject
) -> None:
    open_ones = [each for each in order.payments if not each.is_captured]
    if not open_ones:
        return
    payment = data.draw(st.sampled_from(open_ones))
    amount = data.draw(st.sampled_from((LESS, PRICE)))
    settled = order.settle(payment.id, charged(payment.id, amount), NOW)
    captured = settled.payment(payment.id)
    if not captured.is_live and any(each.is_live for each in settled.payments):
        assert settled.refundable(captured).is_zero


def test_an_order_in_review_can_be_paid_again_after_the_refusal() -> None:
    with pytest.raises(AlreadyPaid):
        start_payment(in_review(), OTHER)
    order = start_payment(in_review().decide_review(PAYMENT, REFUND, NOW), OTHER)
    assert order.payment(OTHER).status is PaymentStatus.PROCESSING


@given(orders(), st.sampled_from(ReviewDecision), st.data())
def test_a_decision_leaves_at_most_one_live_payment(
    order: Order, decision: ReviewDecision, data: st.DataObject
) -> None:
    if not order.payments:
        return
    payment = data.draw(st.sampled_from(order.payments))
    try:
        decided = order.decide_review(payment.id, decision, NOW)
    except DomainError:
        return
    assert sum(each.is_live for each in decided.payments) <= 1
    kept = decided.payment(payment.id)
    assert kept.captured_amount == payment.captured_amount
    if decision is REFUND:
        left = decided.refundable(kept)
        assert left.is_zero or len(decided.refunds) > 10
