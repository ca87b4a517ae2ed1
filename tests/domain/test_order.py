"""Reports about a payment end in the same state in any sequence."""

from itertools import permutations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from domain.check_times import AUTHENTICATION_WINDOW
from domain.claim import AlreadyPaid
from domain.identifiers import PaymentId
from domain.order import Order
from domain.order_entities import PaymentNotFound
from domain.outcome import Charged, Evidence, NeverArrived, NeverSent, Refused
from domain.payment_status import CANCELLED_BY_CUSTOMER, CAPTURED, TRANSITIONS, PaymentStatus
from domain.replica import OrderStatus
from tests.builders import (
    NOW,
    PAYMENT,
    PRICE,
    a_payment,
    after,
    an_order,
    approved,
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
from tests.strategies import evidence, orders, wrong_charges

SECOND = PaymentId("payment-2")
REPORTS: dict[str, Evidence] = {
    "charged": charged(),
    "authorized": authorized(),
    "declined": declined(),
    "requires action": requires_action(),
    "approved": approved(),
    "pending": pending(),
    "cannot be cancelled": pending(cannot_be_cancelled=True),
    "never arrived": NeverArrived(),
    "never sent": NeverSent(),
    "refused": Refused("account_restricted", "The account is restricted"),
    "charged wrongly": charged(amount=PRICE + PRICE),
}
LEADS_TO = {
    PaymentStatus.PROCESSING: ["approved"],
    PaymentStatus.REQUIRES_ACTION: ["requires action"],
    PaymentStatus.PENDING: ["pending"],
    PaymentStatus.AUTHORIZED: ["authorized"],
    PaymentStatus.SUCCEEDED: ["charged"],
    PaymentStatus.FAILED: ["declined"],
    PaymentStatus.CANCELLED: ["cancel requested", "declined"],
    PaymentStatus.ABANDONED: ["never arrived"],
    PaymentStatus.REVERSED: ["cancelled", "charged"],
    PaymentStatus.REVIEW: ["charged wrongly"],
}
"""The reports that lead to each state, from `processing` unless it is for `cancelled`."""


def receive(*reports: str, order: Order | None = None) -> Order:
    """Return the order after these reports, in this sequence; by default, a claimed order."""
    order = order or claimed()
    for report in reports:
        if report == "cancelled":
            order = order.apply(cancelled_event(), NOW)
        elif report == "cancel requested":
            order = order.request_cancellation(PAYMENT, NOW)
        else:
            order = order.settle(PAYMENT, REPORTS[report], NOW)
    return order


def status(order: Order, payment_id: PaymentId = PAYMENT) -> PaymentStatus:
    """Return the state of a payment."""
    return order.payment(payment_id).status


@pytest.mark.parametrize("before", PaymentStatus)
@pytest.mark.parametrize("wanted", PaymentStatus)
def test_exactly_the_transitions_in_the_table_can_be_reached(
    before: PaymentStatus, wanted: PaymentStatus
) -> None:
    waits_first = ["requires action"] if before is PaymentStatus.CANCELLED else []
    order = receive(*waits_first, *LEADS_TO[before])
    assert status(order) is before
    reached = status(receive(*LEADS_TO[wanted], order=order))
    # No report changes a payment in review; test_reviews.py has the decisions that do.
    may_follow = TRANSITIONS[before] if before is not PaymentStatus.REVIEW else frozenset()
    assert reached is before or reached in may_follow
    assert (reached is wanted) == (wanted is before or wanted in may_follow)


@pytest.mark.parametrize("late", ["charged", "charged wrongly"])
def test_a_charge_after_the_customer_called_the_payment_off_is_given_back(late: str) -> None:
    order = receive("requires action", "cancel requested", "declined", late)

    payment = order.payment(PAYMENT)
    assert (payment.status, payment.code) in (
        (PaymentStatus.REVERSED, CANCELLED_BY_CUSTOMER),
        (PaymentStatus.REVIEW, "amount_mismatch"),
    )
    if late == "charged":
        assert order.refundable(payment).is_zero
        assert order.refunds[0].reason == CANCELLED_BY_CUSTOMER


def test_a_charge_before_the_gateway_has_called_the_payment_off_is_kept() -> None:
    order = receive("requires action", "cancel requested")
    assert order.payment(PAYMENT).is_being_cancelled
    assert order.should_cancel(order.payment(PAYMENT), NOW)
    assert order.payment(PAYMENT).is_check_due(NOW)

    assert status(receive("charged", "cancel requested", order=order)) is PaymentStatus.SUCCEEDED


def test_another_payment_can_start_after_one_was_cancelled() -> None:
    order = receive("requires action", "cancel requested", "declined")

    assert start_payment(order, SECOND).payment(SECOND).is_open


@given(st.permutations([("c", 0), ("d", 0), ("b", 1), ("a", 2)]))
def test_its_payments_are_listed_from_the_oldest_in_whatever_sequence_they_are_found(
    found: list[tuple[str, int]],
) -> None:
    order = an_order()
    for payment_id, seconds in found:
        order = order.with_payment(a_payment(payment_id, created_at=after(seconds=seconds)))
    assert [each.id for each in order.payments] == ["c", "d", "b", "a"]


def test_a_payment_of_another_order_is_not_found() -> None:
    with pytest.raises(PaymentNotFound):
        claimed().settle(SECOND, charged(SECOND), NOW)


# --- reports in any sequence -------------------------------------------------------------------

WITHOUT_OUTCOME = [
    (),
    ("requires action",),
    ("never arrived",),
    ("requires action", "never arrived"),
]


@pytest.mark.parametrize("others", WITHOUT_OUTCOME, ids=str)
@pytest.mark.parametrize(
    ("outcome", "wanted"),
    [("charged", PaymentStatus.SUCCEEDED), ("declined", PaymentStatus.FAILED)],
)
def test_reports_with_an_outcome_end_in_the_same_state_in_every_sequence(
    outcome: str, wanted: PaymentStatus, others: tuple[str, ...]
) -> None:
    ends = {receive(*sequence) for sequence in permutations((outcome, *others))}
    assert [status(end) for end in ends] == [wanted]


def test_reports_without_an_outcome_leave_a_payment_that_is_checked_in_every_sequence() -> None:
    for sequence in permutations(["requires action", "never arrived"]):
        payment = receive(*sequence).payment(PAYMENT)
        assert payment.next_check_at is not None
        assert payment.reference is not None
        assert status(receive(*sequence, "declined")) is PaymentStatus.FAILED


@pytest.mark.parametrize(
    "others", [*WITHOUT_OUTCOME, *(("declined", *some) for some in WITHOUT_OUTCOME)], ids=str
)
def test_a_charge_and_a_cancellation_end_in_a_full_refund_in_every_sequence(
    others: tuple[str, ...],
) -> None:
    for sequence in permutations(("charged", "cancelled", *others)):
        order = receive(*sequence)
        assert order.is_cancelled
        assert order.payment(PAYMENT).is_captured
        assert [refund.amount for refund in order.refunds] == [PRICE]


@pytest.mark.parametrize("others", WITHOUT_OUTCOME, ids=str)
def test_a_charge_before_a_decline_is_kept_and_a_charge_after_it_is_given_back(
    others: tuple[str, ...],
) -> None:
    for sequence in permutations(("charged", "declined", *others)):
        order = receive(*sequence)
        if sequence.index("charged") < sequence.index("declined"):
            assert status(order) is PaymentStatus.SUCCEEDED
            assert not order.refunds
        else:
            assert (status(order), order.status) == (PaymentStatus.REVERSED, OrderStatus.CREATED)
            (refund,) = order.refunds
            assert (refund.amount, refund.reason) == (PRICE, "declined_before")
            assert refund.automatic
            assert refund.is_check_due(NOW)


@given(orders(), st.data())
def test_a_captured_payment_is_not_changed_by_later_reports(
    order: Order, data: st.DataObject
) -> None:
    for payment in order.payments:
        if payment.is_captured and payment.status is not PaymentStatus.REVIEW:
            reported: Evidence = data.draw(evidence(payment))
            settled = order.settle(payment.id, reported, after(days=2))
            assert settled.payment(payment.id) == payment
            if not isinstance(reported, Charged) or reported.charge_id == payment.charge_id:
                assert settled == order


# --- late and wrong charges --------------------------------------------------------------------


def test_a_late_capture_of_an_abandoned_payment_is_kept_and_completes_the_order() -> None:
    order = receive("never arrived", "charged")
    assert (status(order), order.status) == (PaymentStatus.SUCCEEDED, OrderStatus.COMPLETE)
    assert not order.refunds


@pytest.mark.parametrize("second_is_paid", [False, True])
def test_a_late_capture_beside_another_live_payment_is_given_back(second_is_paid: bool) -> None:
    order = start_payment(receive("never arrived"), SECOND)
    if second_is_paid:
        order = order.settle(SECOND, charged(SECOND), NOW)
    before = order.payment(SECOND)
    order = receive("charged", order=order)
    assert status(order) is PaymentStatus.REVERSED
    assert order.payment(SECOND) == before
    assert [refund.reason for refund in order.refunds] == ["order_already_paid"]


def test_a_charge_after_the_expiry_is_given_back() -> None:
    order = claimed(replica=created_event(expires_at=after(seconds=10)))
    in_time = order.settle(PAYMENT, charged(), after(seconds=9))
    assert status(in_time) is PaymentStatus.SUCCEEDED
    assert in_time.settle(PAYMENT, charged(), after(hours=1)) == in_time
    too_late = order.settle(PAYMENT, charged(), after(seconds=10))
    assert status(too_late) is PaymentStatus.REVERSED
    assert [refund.reason for refund in too_late.refunds] == ["order_expired"]


@pytest.mark.parametrize("state", [each for each in PaymentStatus if each not in CAPTURED])
def test_whatever_has_become_of_a_payment_it_is_not_charged_after_the_expiry(
    state: PaymentStatus,
) -> None:
    order = an_order(a_payment(PAYMENT, state), replica=created_event(expires_at=NOW))
    charged_late = order.settle(PAYMENT, charged(), after(hours=20))
    # The order had expired when it was claimed, so what is authorized was not in time either.
    assert status(charged_late) is PaymentStatus.REVERSED
    assert charged_late.refundable(charged_late.payment(PAYMENT)).is_zero


@given(st.data(), st.sampled_from([(), ("declined",), ("requires action",), ("never arrived",)]))
def test_a_wrong_charge_is_reviewed_and_never_completes_the_order(
    data: st.DataObject, before: tuple[str, ...]
) -> None:
    order = receive(*before)
    wrong = data.draw(wrong_charges(order.payment(PAYMENT)))
    order = order.settle(PAYMENT, wrong, NOW)
    assert (status(order), order.status) == (PaymentStatus.REVIEW, OrderStatus.CREATED)
    codes = {"amount_mismatch", "currency_mismatch", "livemode_mismatch"}
    assert order.payment(PAYMENT).code in codes
    assert not order.refunds
    with pytest.raises(AlreadyPaid):
        start_payment(order, SECOND)


def test_a_charge_beside_a_wrong_charge_is_given_back() -> None:
    order = start_payment(receive("never arrived"), SECOND).settle(SECOND, NeverArrived(), NOW)
    order = receive("charged wrongly", order=order)
    # The wrong charge waits for an operator, so the order is paid already.
    order = order.settle(SECOND, charged(SECOND), NOW)
    assert [status(order), status(order, SECOND)] == [PaymentStatus.REVIEW, PaymentStatus.REVERSED]
    assert [refund.payment_id for refund in order.refunds] == [SECOND]


def test_a_wrong_charge_beside_a_live_payment_is_given_back_and_the_order_keeps_that_one() -> None:
    order = start_payment(receive("never arrived"), SECOND)
    order = receive("charged wrongly", order=order).settle(SECOND, charged(SECOND), NOW)
    statuses = [PaymentStatus.REVERSED, PaymentStatus.SUCCEEDED]
    assert [status(order), status(order, SECOND)] == statuses
    assert [refund.payment_id for refund in order.refunds] == [PAYMENT]
    assert order.status is OrderStatus.COMPLETE


# --- cancelling and completing -----------------------------------------------------------------


def test_a_payment_waits_for_its_customer_until_its_order_ends_or_the_window_closes() -> None:
    waiting = receive("requires action")
    payment = waiting.payment(PAYMENT)
    assert not waiting.should_cancel(payment, after(minutes=59))
    assert waiting.should_cancel(payment, NOW + AUTHENTICATION_WINDOW)
    assert waiting.apply(created_event(), NOW) == waiting
    cancelled = receive("cancelled", order=waiting)
    assert cancelled.payment(PAYMENT).is_check_due(NOW)
    assert cancelled.should_cancel(cancelled.payment(PAYMENT), NOW)
    expiring = evolve(waiting, replica=created_event(expires_at=after(minutes=5)))
    assert not expiring.should_cancel(payment, after(minutes=4))
    assert expiring.should_cancel(payment, after(minutes=5))


def test_a_charge_in_progress_is_never_cancelled_at_the_gateway() -> None:
    order = receive("cancelled")
    assert not order.should_cancel(order.payment(PAYMENT), after(hours=2))


@given(orders())
def test_completing_an_order_twice_changes_nothing_and_never_undoes_a_cancellation(
    order: Order,
) -> None:
    completed = order.complete()
    assert completed.complete() == completed
    assert completed.is_cancelled == order.is_cancelled
    assert evolve(completed, replica=order.replica) == order
