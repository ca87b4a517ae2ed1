"""What we publish keeps its id on every resend."""

from datetime import timedelta

import pytest
from attrs import evolve
from hypothesis import given

from domain.dispute import Dispute, DisputeStatus
from domain.events import Event, PaymentCreated, PaymentDisputed, PaymentFailed, PaymentRefunded
from domain.identifiers import ChargeId, DisputeId
from domain.order import Order
from domain.payment import PaymentStatus
from domain.refund import RefundStatus
from tests.builders import ORDER, PAYMENT, PRICE, a_payment, a_refund, after
from tests.strategies import orders


def told(order: Order) -> list[Event]:
    """Everything that could be announced of a bill as it stands."""
    events: list[Event] = []
    for payment in order.payments:
        if payment.status is PaymentStatus.SUCCEEDED:
            events.append(PaymentCreated.of(payment))
        elif payment.status in (PaymentStatus.FAILED, PaymentStatus.ABANDONED):
            events.append(PaymentFailed.of(payment))
    events += [
        PaymentRefunded.of(refund)
        for refund in order.refunds
        if refund.status is RefundStatus.SUCCEEDED
    ]
    return [*events, *(PaymentDisputed.of(dispute) for dispute in order.disputes)]


@given(orders())
def test_every_fact_of_a_bill_has_an_id_of_its_own(order: Order) -> None:
    ids = [event.id for event in told(order)]
    assert len(set(ids)) == len(ids)
    assert [event.id for event in told(order)] == ids


def test_a_success_told_again_later_has_the_id_it_had() -> None:
    payment = a_payment(status=PaymentStatus.SUCCEEDED)
    later = evolve(payment, next_check_at=after(hours=1), reference="pi_other", code="anything")
    assert (
        PaymentCreated.of(later).id == PaymentCreated.of(payment).id == "payment:created:payment-1"
    )


def test_a_refund_told_again_later_has_the_id_it_had() -> None:
    refund = a_refund(status=RefundStatus.SUCCEEDED)
    later = evolve(refund, created_at=refund.created_at + timedelta(days=1), attempt=3)
    assert PaymentRefunded.of(later).id == PaymentRefunded.of(refund).id


def test_a_payment_abandoned_and_then_refused_fails_under_one_id() -> None:
    abandoned, refused = (
        a_payment(status=status) for status in (PaymentStatus.ABANDONED, PaymentStatus.FAILED)
    )
    assert PaymentFailed.of(abandoned).id == PaymentFailed.of(refused).id


def test_a_failure_says_why_or_at_least_how() -> None:
    assert PaymentFailed.of(a_payment(status=PaymentStatus.ABANDONED)).code == "abandoned"
    refused = evolve(a_payment(status=PaymentStatus.FAILED), code="insufficient_funds")
    assert PaymentFailed.of(refused).code == "insufficient_funds"


def test_a_payment_without_a_charge_is_never_told_as_made() -> None:
    with pytest.raises(ValueError, match="not charged"):
        PaymentCreated.of(a_payment())


def test_each_state_of_a_dispute_is_told_under_an_id_of_its_own() -> None:
    dispute = Dispute(
        DisputeId("dp_1"), PAYMENT, ORDER, ChargeId("ch"), PRICE, "fraudulent", DisputeStatus.OPEN
    )
    ids = {PaymentDisputed.of(dispute.apply(status)).id for status in DisputeStatus}
    assert len(ids) == len(DisputeStatus)
    assert PaymentDisputed.of(dispute.apply(DisputeStatus.OPEN)).id in ids
