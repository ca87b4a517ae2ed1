"""Refunds of ours that the database has lost are restored from what the gateway lists."""

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from domain.identifiers import RefundId
from domain.money import Money
from domain.order import Order
from domain.payment_status import PaymentStatus
from domain.refund import (
    Refunded,
    RefundFailed,
    RefundOutcome,
    RefundPending,
    RefundStatus,
    ReportedRefund,
)
from domain.refund_rules import EXTERNAL_REFUND
from tests.builders import (
    NOW,
    PAYMENT,
    PRICE,
    a_payment,
    a_refund,
    an_order,
    cancelled_event,
    charged,
)

CHARGE = charged().charge_id
PAID = an_order(a_payment(status=PaymentStatus.SUCCEEDED))
CODE = "expired_or_canceled_card"


def outcome(kind: str, reference: str, amount: Money) -> RefundOutcome:
    """Return one of the three outcomes of a refund."""
    match kind:
        case "succeeded":
            return Refunded(reference, amount)
        case "pending":
            return RefundPending(reference)
        case _:
            return RefundFailed(CODE, reference)


@st.composite
def refunds(draw: st.DrawFn) -> list[ReportedRefund]:
    """Draw some refunds of the payment, of ours and of others, which together do not exceed it."""
    found = list[ReportedRefund]()
    for number in range(draw(st.integers(1, 5))):
        amount = Money(draw(st.integers(1, 2_000)), PAID.payments[0].amount.currency)
        reference, refund_id = f"re_{number}", RefundId(f"refund-{number}")
        kind = draw(st.sampled_from(["succeeded", "succeeded", "pending", "failed"]))
        is_ours = draw(st.booleans())
        labels = (refund_id, f"{refund_id}:0", "damaged") if is_ours else (None, None, None)
        found.append(ReportedRefund(reference, amount, outcome(kind, reference, amount), *labels))
    return found


def books(reported: list[ReportedRefund]) -> Order:
    """Return the order as it was before anything was lost."""
    order = PAID
    for each in reported:
        if each.refund_id is not None:
            units = each.amount.minor_units
            order = order.reserve_refund(each.refund_id, PAYMENT, units, "damaged", NOW)
            order = order.settle_refund(each.refund_id, each.outcome, NOW)
        else:
            order = order.record_refunds(CHARGE, [each], NOW)
    return order


def recorded(order: Order) -> list[tuple[str, ...]]:
    """Return what counts of the refunds of an order."""
    return sorted(
        (each.id, each.key, each.reference or "", str(each.amount), each.status.value, each.reason)
        for each in order.refunds
    )


@given(data=st.data(), reported=refunds(), is_listed=st.booleans())
def test_whatever_is_lost_is_restored_in_any_order(
    data: st.DataObject, reported: list[ReportedRefund], is_listed: bool
) -> None:
    before = books(reported)
    order = PAID
    for each in data.draw(st.lists(st.sampled_from(before.refunds), unique=True)):
        order = order.with_refund(each)
    told = data.draw(st.permutations(reported))
    for reports in [told] if is_listed else [[each] for each in told]:
        order = order.record_refunds(CHARGE, reports, NOW)
    assert recorded(order) == recorded(before)
    assert order.refundable(order.payments[0]) == before.refundable(before.payments[0])
    assert order.record_refunds(CHARGE, told, NOW) == order


@pytest.mark.parametrize(
    ("status", "code", "refund_id", "reason"),
    [
        (PaymentStatus.SUCCEEDED, None, "refund-1", "requested"),
        (PaymentStatus.REVERSED, "order_expired", "refund-1", "requested"),
        (PaymentStatus.SUCCEEDED, None, "payment-1-back-0", "order_cancelled"),
        (PaymentStatus.REVIEW, "amount_mismatch", "payment-1-back-0", "order_cancelled"),
        (PaymentStatus.REVERSED, "order_expired", "payment-1-back-0", "order_expired"),
        (PaymentStatus.REVERSED, None, "payment-1-back-0", "reversed"),
    ],
)
@pytest.mark.parametrize("label", [None, "damaged"])
def test_a_lost_refund_has_the_reason_and_the_attempt_of_its_labels_or_what_the_rules_give(
    status: PaymentStatus, code: str | None, refund_id: str, reason: str, label: str | None
) -> None:
    order = an_order(evolve(a_payment(status=status), code=code))
    report = Refunded("re_1", PRICE)
    labels = (RefundId(refund_id), f"{refund_id}:3", label)
    [refund] = order.record_refunds(
        CHARGE, [ReportedRefund("re_1", PRICE, report, *labels)], NOW
    ).refunds
    assert (refund.id, refund.attempt, refund.reason) == (refund_id, 3, label or reason)
    assert refund.automatic is ("back" in refund_id)


@given(data=st.data())
def test_an_automatic_refund_that_follows_lost_ones_has_an_id_of_its_own(
    data: st.DataObject,
) -> None:
    cancelled = PAID.apply(cancelled_event(), NOW)
    for _ in range(3):
        last = cancelled.refunds[-1]
        cancelled = cancelled.settle_refund(last.id, RefundFailed(CODE, f"re_{last.id}"), NOW)
    failed = [
        ReportedRefund(f"re_{each.id}", each.amount, RefundFailed(CODE, each.id), each.id, each.key)
        for each in cancelled.refunds[:-1]
    ]
    told = data.draw(st.lists(st.sampled_from(failed), unique=True))
    order = PAID.record_refunds(CHARGE, told, NOW).apply(cancelled_event(), NOW)
    following = order.refunds[-1]
    assert len({each.id for each in order.refunds}) == len(order.refunds) == len(told) + 1
    assert (following.automatic, following.attempt) == (True, len(told))
    assert all(each.automatic and each.reason != EXTERNAL_REFUND for each in order.refunds)


def test_a_lost_refund_is_ours_although_its_number_was_used_again_for_another_amount() -> None:
    operators = a_refund(amount=Money(300, PRICE.currency), status=RefundStatus.SUCCEEDED)
    returned = evolve(operators, status=RefundStatus.FAILED)
    lost, followed = (
        PAID.with_refund(each).apply(cancelled_event(), NOW) for each in (returned, operators)
    )
    [all_of_it], [the_rest] = (
        [each for each in order.refunds if each.automatic] for order in (lost, followed)
    )
    assert all_of_it.amount.exceeds(the_rest.amount)
    done = Refunded("re_lost", PRICE)
    report = ReportedRefund("re_lost", PRICE, done, all_of_it.id, all_of_it.key)
    known = followed.record_refunds(CHARGE, [report], NOW).refunds
    assert [(each.id, each.reference) for each in known if each.reference] == [
        (all_of_it.id, "re_lost")
    ]
