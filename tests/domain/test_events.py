"""An event has the same id whenever it is published."""

from datetime import timedelta

import pytest
from attrs import evolve
from hypothesis import given

from domain.dispute import Dispute, DisputeStatus
from domain.events import (
    Event,
    PaymentCreated,
    PaymentDisputed,
    PaymentFailed,
    PaymentPending,
    PaymentRefunded,
)
from domain.identifiers import ChargeId, DisputeId
from domain.order import Order
from domain.payment_status import PaymentStatus
from domain.refund import RefundStatus
from tests.builders import ORDER, PAYMENT, PRICE, a_payment, a_refund, after
from tests.strategies import orders


def events_of(order: Order) -> list[Event]:
    """Return every event that the state of an order could be published as."""
    events: list[Event] = []
    for payment in order.payments:
        if payment.status is PaymentStatus.SUCCEEDED:
            events.append(PaymentCreated.of(payment))
        elif payment.status is PaymentStatus.PENDING:
            events.append(PaymentPending.of(payment))
        elif payment.has_failed:
            events.append(PaymentFailed.of(payment))
    events += [
        PaymentRefunded.of(refund)
        for refund in order.refunds
        if refund.status is RefundStatus.SUCCEEDED
    ]
    return [*events, *(PaymentDisputed.of(dispute) for dispute in order.disputes)]


@given(orders())
def test_every_event_of_an_order_has_its_own_id(order: Order) -> None:
    ids = [event.id for event in events_of(order)]
    assert len(set(ids)) == len(ids)
    assert [event.id for event in events_of(order)] == ids


def test_an_event_keeps_its_id_when_its_entity_changes() -> None:
    payment = a_payment(status=PaymentStatus.SUCCEEDED)
    later = evolve(payment, next_check_at=after(hours=1), reference="pi_other", code="any")
    assert PaymentCreated.of(later).id == PaymentCreated.of(payment).id
    assert PaymentCreated.of(payment).id == "payment:created:payment-1"
    refund = a_refund(status=RefundStatus.SUCCEEDED)
    sent_later = evolve(refund, created_at=refund.created_at + timedelta(days=1), attempt=3)
    assert PaymentRefunded.of(sent_later).id == PaymentRefunded.of(refund).id


def test_a_pending_payment_has_one_id_whatever_becomes_of_it() -> None:
    payment = a_payment(status=PaymentStatus.PENDING)
    assert PaymentPending.of(payment).id == "payment:pending:payment-1"
    assert PaymentPending.of(evolve(payment, code="any")) == PaymentPending.of(payment)


def test_a_payment_that_is_abandoned_and_then_declined_fails_under_one_id() -> None:
    abandoned = PaymentFailed.of(a_payment(status=PaymentStatus.ABANDONED))
    declined = evolve(a_payment(status=PaymentStatus.FAILED), code="insufficient_funds")
    assert PaymentFailed.of(declined).id == abandoned.id
    assert (PaymentFailed.of(declined).code, abandoned.code) == ("insufficient_funds", "abandoned")


def test_a_payment_without_a_charge_cannot_be_published_as_created() -> None:
    with pytest.raises(ValueError, match="not charged"):
        PaymentCreated.of(a_payment())


def test_each_state_of_a_dispute_has_its_own_id() -> None:
    dispute = Dispute(
        DisputeId("dp_1"), PAYMENT, ORDER, ChargeId("ch"), PRICE, "fraudulent", DisputeStatus.OPEN
    )
    ids = {PaymentDisputed.of(dispute.apply(status)).id for status in DisputeStatus}
    assert len(ids) == len(DisputeStatus)
    assert PaymentDisputed.of(dispute.apply(DisputeStatus.OPEN)).id in ids
