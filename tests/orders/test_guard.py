"""The orders-side guard: what each event means for an order, in any order of arrival."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.identifiers import OrderId
from domain.replica import OrderReplica
from payments_kit.orders.events import PaymentEvent
from payments_kit.orders.guard import Action, NoticeKind, OrderPayments, OrderStatus
from payments_kit.orders.stored_state import from_text, to_text
from tests.orders.events import (
    AUTHORIZED,
    DISPUTED,
    EXPIRING,
    FAILED,
    PENDING,
    PRICE,
    VOIDED,
    after,
    created,
    decided,
    event,
    refund_failed,
    refunded,
)

CANCELLED = OrderPayments(is_cancelled=True)
EVENTS = [
    *(created(), created("p2"), AUTHORIZED, VOIDED, EXPIRING, PENDING, FAILED, DISPUTED),
    *(refunded(), refunded(999, "r2"), refunded(1000, "r3"), refund_failed(), refunded(1, "r4")),
    *(event("failed", "p2", code="x"), refunded(PRICE, "r5", "p2")),
]
CANCEL = None
STEPS = st.lists(st.sampled_from([*EVENTS, CANCEL]), max_size=12)
Step = PaymentEvent | None


def run(steps: list[Step]) -> tuple[OrderPayments, Counter[Action]]:
    payments, actions = OrderPayments(), Counter[Action]()
    for step in steps:
        if step is None:
            payments = payments.cancel()
        else:
            decision = payments.apply(step)
            payments = decision.payments
            actions[decision.action] += 1
    return payments, actions


@pytest.mark.parametrize(
    ("events", "status", "may_expire"),
    [
        ([], "created", True),
        ([created()], "complete", False),
        ([event("created")], "complete", False),  # the reference service says no amount
        ([FAILED], "created", True),
        ([FAILED, created("p2")], "complete", False),
        ([created(), FAILED], "complete", False),  # it was found at the gateway later
        ([PENDING], "created", False),
        ([PENDING, FAILED], "created", True),
        ([PENDING, refunded()], "created", True),  # its money came too late
        ([AUTHORIZED], "created", False),
        ([AUTHORIZED, VOIDED], "created", True),
        ([AUTHORIZED, VOIDED, event("authorized", "p2")], "created", False),
        ([AUTHORIZED, created()], "complete", False),
        ([created(), refunded(999)], "complete", False),
        ([created(), refunded(999), refunded(999)], "complete", False),
        ([created(), refunded(999), refunded(1000, "r2")], "refunded", False),
        ([created(), refunded()], "refunded", False),
        ([created(), refunded(), refund_failed()], "refunded", False),
        ([created(), refunded(999), refund_failed(999), refunded(1000, "r2")], "complete", False),
        ([created(), refund_failed()], "complete", False),
        ([event("created"), refunded()], "complete", False),
        ([refunded(payment_id="p2")], "created", True),
        ([created(), refunded(payment_id="p2")], "complete", False),
        ([created(), created("p2"), refunded(payment_id="p2")], "complete", False),
        ([created(), DISPUTED], "complete", False),
    ],
)
def test_the_status_follows_from_the_events_in_any_order(
    events: list[PaymentEvent], status: str, may_expire: bool
) -> None:
    for arrived in (events, events[::-1]):
        payments = after(*arrived) if arrived else OrderPayments()
        assert (payments.status.value, payments.may_expire) == (status, may_expire)
        assert payments.cancel().status is OrderStatus.CANCELLED
        assert not payments.cancel().may_expire


@pytest.mark.parametrize(
    ("events", "kind"),
    [
        ([created()], None),
        ([created(), created()], None),
        ([created(), created("p2")], NoticeKind.PAID_TWICE),
        ([created(), refunded()], NoticeKind.REFUNDED),
        ([created(), refunded(999)], NoticeKind.PARTLY_REFUNDED),
        ([created(), refunded(999), refunded(1000, "r2")], NoticeKind.REFUNDED),
        ([refunded(), created()], NoticeKind.REFUNDED),
        ([refunded(999), created()], NoticeKind.PARTLY_REFUNDED),
        ([refunded()], None),
        ([created(), refund_failed()], NoticeKind.REFUND_FAILED),
        ([AUTHORIZED, VOIDED], NoticeKind.VOIDED),
        ([created(), VOIDED], None),
        ([AUTHORIZED, EXPIRING], NoticeKind.EXPIRING),
        ([AUTHORIZED, created(), EXPIRING], None),
        ([AUTHORIZED], None),
        ([FAILED], None),
        ([DISPUTED], NoticeKind.DISPUTED),
        ([DISPUTED, DISPUTED], None),
        ([DISPUTED, event("disputed", disputeId="d1", status="lost")], NoticeKind.DISPUTED),
        ([event("disputed", disputeId="d1", status="new_one")], NoticeKind.DISPUTED),
    ],
)
def test_a_person_is_told_of_what_the_order_cannot_solve(
    events: list[PaymentEvent], kind: NoticeKind | None
) -> None:
    notice = decided(*events).notice
    assert (notice and notice.kind) == kind


@pytest.mark.parametrize(
    ("events", "kind"),
    [
        ([created()], NoticeKind.PAID_AFTER_CANCELLATION),
        ([created(), refunded()], None),
        ([AUTHORIZED, VOIDED], None),
        ([AUTHORIZED, EXPIRING], None),
        ([refund_failed()], NoticeKind.REFUND_FAILED),
        ([DISPUTED], NoticeKind.DISPUTED),
    ],
)
def test_of_a_cancelled_order_a_person_is_told_less(
    events: list[PaymentEvent], kind: NoticeKind | None
) -> None:
    decision = decided(*events, payments=CANCELLED)
    assert decision.action is Action.RECORD
    assert (decision.notice and decision.notice.kind) == kind


def test_a_notice_says_what_the_event_says() -> None:
    notice = decided(created(), refund_failed(500)).notice
    assert notice is not None
    assert (notice.payment_id, notice.amount, notice.currency) == ("p1", 500, "usd")
    assert notice.detail == "lost"


def test_a_payment_completes_its_order_once_also_under_another_amount() -> None:
    assert decided(created()).action is Action.COMPLETE
    assert decided(created(), created()).action is Action.IGNORE
    assert decided(created(), created(amount=1)).action is Action.IGNORE
    assert decided(created(), created("p2")).action is Action.RECORD


@given(STEPS)
def test_a_cancelled_order_is_never_completed(steps: list[Step]) -> None:
    payments, _ = run(steps)
    decisions = [payments.cancel().apply(each) for each in EVENTS]
    assert {it.action for it in decisions} <= {Action.RECORD, Action.IGNORE}
    assert {it.payments.status for it in decisions} == {OrderStatus.CANCELLED}


@given(STEPS, st.randoms(use_true_random=False))
def test_repetitions_and_any_order_of_arrival_give_the_same_state(
    steps: list[Step], random: Random
) -> None:
    shuffled = [*steps, *steps[:4]]
    random.shuffle(shuffled)
    assert run(shuffled)[0] == run(steps)[0]


@given(STEPS)
def test_an_order_is_completed_once_for_each_payment_at_most(steps: list[Step]) -> None:
    payments, actions = run(steps)
    assert actions[Action.COMPLETE] <= len({step for step in steps if step in EVENTS[:2]})
    if payments.status is OrderStatus.COMPLETE:
        assert actions[Action.COMPLETE] >= 1 or refunded() in steps


@given(STEPS)
def test_the_stored_text_gives_the_same_state(steps: list[Step]) -> None:
    payments, _ = run(steps)
    assert from_text(to_text(payments)) == payments
    assert to_text(from_text(to_text(payments))) == to_text(payments)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"cancelled":false,"facts":[["payment:new","p","",1]]}', "nonsense"]
)
def test_a_text_that_is_no_state_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each parser has its own words
        from_text(text)


@given(st.lists(st.sampled_from([created(), created("p2"), FAILED, CANCEL]), max_size=6))
def test_the_role_complete_of_the_worker_agrees_with_the_guard(steps: list[Step]) -> None:
    payments, _ = run(steps)
    replica = OrderReplica.unknown(OrderId("order"))
    for step in steps:
        if step is None:
            replica = replica.merge(OrderReplica.cancelled(replica.id, 1))
        elif step.fact.subject.value == "payment:created":
            replica = replica.complete()
    assert replica.status.value == payments.status.value
