"""Several reports about refunds in one listing of a gateway."""

from datetime import timedelta
from itertools import permutations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from domain.identifiers import RefundId
from domain.order import Order
from domain.refund import (
    SEND_LEASE,
    Refunded,
    RefundFailed,
    RefundOutcome,
    RefundPending,
    RefundStatus,
    ReportedRefund,
)
from tests.builders import NOW, PAYMENT, charged, claimed, dollars

PAID = claimed().settle(PAYMENT, charged(), NOW)
CHARGE = charged().charge_id


def listed(*outcomes: RefundOutcome, order: Order = PAID) -> Order:
    reported = [ReportedRefund("re_9", dollars("30"), outcome) for outcome in outcomes]
    return order.record_refunds(CHARGE, reported, NOW)


REPORTS = [
    RefundPending("re_9"),
    Refunded("re_9", dollars("30")),
    RefundFailed("no_account", "re_9"),
]


@pytest.mark.parametrize("outcomes", [*permutations(REPORTS)])
def test_of_one_refund_that_is_listed_several_times_the_last_state_counts(
    outcomes: tuple[RefundOutcome, ...],
) -> None:
    [refund] = listed(*outcomes).refunds
    assert (refund.status, refund.code) == (RefundStatus.FAILED, "no_account")


def test_an_empty_listing_changes_nothing() -> None:
    reversed_order = claimed().settle(PAYMENT, charged(), NOW)
    assert listed(order=reversed_order) is reversed_order


def test_a_refund_of_ours_in_a_listing_is_settled_and_not_recorded_again() -> None:
    order = PAID.reserve_refund(RefundId("ours"), PAYMENT, 3000, "damaged", NOW)
    order = order.settle_refund(RefundId("ours"), RefundPending("re_9"), NOW)
    [refund] = listed(Refunded("re_9", dollars("30")), order=order).refunds
    assert (refund.id, refund.status) == ("ours", RefundStatus.SUCCEEDED)


@given(steps=st.lists(st.sampled_from(["ours is answered", "it is listed"])), data=st.data())
def test_a_refund_of_others_that_a_gateway_answers_ours_with_counts_once(
    steps: list[str], data: st.DataObject
) -> None:
    ours, others = RefundId("ours"), RefundId("re_9")
    pending = data.draw(st.integers(0, len(steps)))
    order = PAID.reserve_refund(ours, PAYMENT, 3000, "damaged", NOW)
    for number, step in enumerate([*steps, "it is listed"]):
        outcome = Refunded("re_9", dollars("30")) if number >= pending else RefundPending("re_9")
        if step == "ours is answered":
            order = order.settle_refund(ours, outcome, NOW)
        else:
            order = listed(outcome, order=order)
            order = order.settle_refund(others, outcome, NOW)
    named = [each for each in order.refunds if each.reference == "re_9"]
    assert [each.status for each in named] == [RefundStatus.SUCCEEDED]
    is_waiting = any(each.status is RefundStatus.PENDING for each in order.refunds)
    left = dollars("40") if is_waiting else dollars("70")
    assert order.refundable(order.payment(PAYMENT)) == left


A, B = RefundId("re_a"), RefundId("re_b")
REPORTED = {
    "a succeeds": ReportedRefund("re_a", dollars("80"), Refunded("re_a", dollars("80"))),
    "b succeeds": ReportedRefund("re_b", dollars("50"), Refunded("re_b", dollars("50"))),
    "a comes back": ReportedRefund("re_a", dollars("80"), RefundFailed("closed", "re_a")),
}


@given(told=st.permutations([*REPORTED]), repeated=st.lists(st.sampled_from([*REPORTED])))
def test_a_refund_that_another_has_limited_is_checked_once_the_other_comes_back(
    told: list[str], repeated: list[str]
) -> None:
    order = PAID
    for each in [*told, *repeated]:
        order = order.record_refunds(CHARGE, [REPORTED[each]], NOW)
    checked = order.refund(B)
    assert checked is not None
    assert checked.is_check_due(NOW) or not checked.is_limited
    if checked.is_check_due(NOW):
        order = order.with_refund(checked.schedule_check(NOW))
        order = order.settle_refund(B, Refunded("re_b", dollars("50")), NOW)
    a, b = order.refund(A), order.refund(B)
    assert a is not None
    assert b is not None
    assert (a.status, b.status) == (RefundStatus.FAILED, RefundStatus.SUCCEEDED)
    assert (b.amount, b.code, b.next_check_at) == (dollars("50"), None, None)


def test_a_limited_refund_is_checked_less_and_less_often_until_the_gateway_answers() -> None:
    order = PAID.record_refunds(CHARGE, [REPORTED["a succeeds"]], NOW)
    order = order.record_refunds(CHARGE, [REPORTED["b succeeds"]], NOW)
    other, limited = order.refund(A), order.refund(B)
    assert other is not None
    assert other.is_check_due(NOW)  # the gateway says that more is back than was captured
    assert other.schedule_check(NOW).next_check_at is None
    assert limited is not None
    assert (limited.amount, limited.next_check_at) == (dollars("20"), None)
    now, checks = NOW, list[timedelta]()
    for _ in range(3):
        limited = limited.schedule_check(now)
        assert limited.next_check_at is not None
        checks.append(limited.next_check_at - now)
        now = limited.next_check_at
    assert checks == [SEND_LEASE, SEND_LEASE, 2 * SEND_LEASE]
    # Another refund of the same name in another report is not this one.
    assert limited.settle(Refunded("re_c", dollars("50"))) == limited
