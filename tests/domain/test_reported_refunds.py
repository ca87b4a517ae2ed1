"""Several reports about refunds in one listing of a gateway."""

from datetime import timedelta
from itertools import permutations

import hypothesis.strategies as st
import pytest
from attrs import evolve
from hypothesis import given

from domain.identifiers import RefundId
from domain.order import Order
from domain.payment_status import PaymentStatus
from domain.refund import (
    SEND_LEASE,
    Refunded,
    RefundFailed,
    RefundOutcome,
    RefundPending,
    RefundStatus,
    ReportedRefund,
)
from tests.builders import NOW, PAYMENT, a_payment, a_refund, charged, claimed, dollars

OURS = RefundId("ours")
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


def test_what_comes_back_once_has_others_checked_once() -> None:
    order = PAID
    for each in REPORTED.values():
        order = order.record_refunds(CHARGE, [each], NOW)
    limited = order.refund(B)
    assert limited is not None
    assert limited.next_check_at == NOW
    order = order.with_refund(limited.schedule_check(NOW))
    assert order.record_refunds(CHARGE, [REPORTED["a comes back"]], NOW) == order


def test_what_comes_back_of_one_payment_has_no_refund_of_another_checked() -> None:
    order = PAID.record_refunds(CHARGE, [REPORTED["a succeeds"]], NOW)
    order = order.record_refunds(CHARGE, [REPORTED["b succeeds"]], NOW)
    order = order.with_payment(a_payment("other", PaymentStatus.SUCCEEDED))
    order = order.with_refund(a_refund("of other", payment_id="other"))
    after = order.settle_refund(RefundId("of other"), RefundFailed("closed"), NOW)
    assert after.refund(B) == order.refund(B)


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


@given(amounts=st.lists(st.integers(1, 25), min_size=1, max_size=4))
def test_if_more_is_back_than_was_captured_every_other_refund_is_checked(
    amounts: list[int],
) -> None:
    order, names = PAID, [f"re_{number}" for number, _ in enumerate(amounts)]
    for name, amount in zip(names, amounts, strict=True):
        order = told(order, name, Refunded(name, dollars(str(amount))))
    assert not any(each.is_check_due(NOW) for each in order.refunds)
    order = told(order, "re_more", Refunded("re_more", dollars("100")))
    assert [each.id for each in order.refunds if each.is_check_due(NOW)] == names


@given(limited=st.integers(1, 3))
def test_every_refund_that_one_has_limited_is_checked_once_that_one_comes_back(
    limited: int,
) -> None:
    names = [f"re_{number}" for number in range(limited)]
    order = told(PAID, "re_all", Refunded("re_all", dollars("100")))
    for name in names:
        order = told(order, name, Refunded(name, dollars("10")))
    for each in order.refunds:
        order = order.with_refund(evolve(each, next_check_at=None))
    order = told(order, "re_all", RefundFailed("closed", "re_all"))
    assert [each.id for each in order.refunds if each.is_check_due(NOW)] == names


def told(order: Order, reference: str, outcome: RefundOutcome) -> Order:
    """Return the order after a report about one refund of others."""
    amount = outcome.amount if isinstance(outcome, Refunded) else dollars("100")
    return order.record_refunds(CHARGE, [ReportedRefund(reference, amount, outcome)], NOW)


def labelled(reference: str, outcome: RefundOutcome | None = None) -> ReportedRefund:
    """Return the report of a refund that has the labels of ours."""
    amount = dollars("30")
    return ReportedRefund(reference, amount, outcome or Refunded(reference, amount), OURS, "ours:0")


def states(order: Order) -> dict[str, RefundStatus]:
    return {each.id: each.status for each in order.refunds}


RESERVED = PAID.reserve_refund(OURS, PAYMENT, 3000, "damaged", NOW)
SUCCEEDED, PENDING, FAILED = RefundStatus.SUCCEEDED, RefundStatus.PENDING, RefundStatus.FAILED


def test_of_two_refunds_with_the_labels_of_one_of_ours_the_other_one_is_external() -> None:
    two = [labelled("re_1"), labelled("re_2")]
    expected = {"ours": SUCCEEDED, "re_2": SUCCEEDED}
    assert states(PAID.record_refunds(CHARGE, two, NOW)) == expected
    known = RESERVED.settle_refund(OURS, Refunded("re_1", dollars("30")), NOW)
    [before, _] = (after := known.record_refunds(CHARGE, [labelled("re_2")], NOW)).refunds
    assert states(after) == expected
    assert [before] == [*known.refunds]


@pytest.mark.parametrize(
    ("outcome", "status", "code"),
    [
        (Refunded("re_9", dollars("30")), FAILED, "refunded_externally"),
        (RefundPending("re_9"), FAILED, "refunded_externally"),
        (RefundFailed("no_account", "re_9"), FAILED, "no_account"),
    ],
)
def test_money_that_another_refund_has_is_not_counted_for_ours(
    outcome: RefundOutcome, status: RefundStatus, code: str | None
) -> None:
    order = listed(Refunded("re_9", dollars("30")), order=RESERVED)
    ours = order.settle_refund(OURS, outcome, NOW).refund(OURS)
    assert ours is not None
    assert (ours.status, ours.code) == (status, code)


def test_a_refund_of_others_is_settled_even_if_the_report_of_ours_names_it() -> None:
    order = listed(RefundPending("re_9"), order=RESERVED)
    order = order.settle_refund(OURS, RefundFailed("no_account", "re_9"), NOW)
    order = order.settle_refund(RefundId("re_9"), Refunded("re_9", dollars("30")), NOW)
    assert states(order) == {"ours": FAILED, "re_9": SUCCEEDED}
    assert order.refundable(order.payment(PAYMENT)) == dollars("70")


@pytest.mark.parametrize(
    ("outcome", "is_checked"),
    [
        (RefundPending("re_1"), False),
        (Refunded("re_1", dollars("30")), False),
        (RefundFailed("no_account", "re_1"), True),
    ],
)
def test_a_limited_refund_is_checked_again_only_if_another_one_has_failed(
    outcome: RefundOutcome, is_checked: bool
) -> None:
    order = RESERVED.record_refunds(CHARGE, [REPORTED["a succeeds"]], NOW)
    order = order.record_refunds(CHARGE, [REPORTED["b succeeds"]], NOW)
    limited = order.settle_refund(OURS, outcome, NOW).refund(B)
    assert limited is not None
    assert limited.is_limited
    assert limited.is_check_due(NOW) is is_checked


@pytest.mark.parametrize(
    ("order", "outcome", "expected"),
    [
        (RESERVED, RefundPending("re_1"), {"ours": PENDING}),
        (PAID, RefundPending("re_1"), {"ours": PENDING}),
        (PAID, Refunded("re_1", dollars("30")), {"ours": SUCCEEDED}),
        (PAID, RefundFailed("no_account"), {}),
        (PAID, RefundFailed("no_account", "re_1"), {}),
        (listed(RefundPending("re_9")), RefundPending("re_9"), {"re_9": PENDING}),
        (listed(RefundPending("re_9")), Refunded("re_9", dollars("30")), {"re_9": PENDING}),
        (
            RESERVED.settle_refund(OURS, Refunded("re_1", dollars("30")), NOW),
            RefundPending("re_1"),
            {"ours": SUCCEEDED},
        ),
    ],
)
def test_a_refund_that_was_sent_is_settled_and_recorded_again_if_it_is_lost(
    order: Order, outcome: RefundOutcome, expected: dict[str, RefundStatus]
) -> None:
    [sent] = RESERVED.refunds
    assert states(order.settle_sent_refund(sent, outcome, NOW)) == expected
