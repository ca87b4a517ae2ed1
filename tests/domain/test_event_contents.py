"""What an event says is what its entity has."""

import pytest
from attrs import asdict, evolve

from domain.dispute import Dispute, DisputeStatus
from domain.events import (
    Event,
    PaymentAuthorized,
    PaymentCreated,
    PaymentDisputed,
    PaymentExpiring,
    PaymentFailed,
    PaymentPending,
    PaymentRefunded,
    PaymentRefundFailed,
    PaymentVoided,
)
from domain.identifiers import ChargeId, DisputeId, RefundId
from domain.payment_status import PaymentStatus
from domain.refund import RefundStatus
from tests.builders import (
    GATEWAY,
    NOW,
    ORDER,
    PAYMENT,
    PRICE,
    UNTIL,
    a_payment,
    a_refund,
    after,
    dollars,
)

CHARGE = ChargeId("ch_payment-1")
OF_PAYMENT = {"payment_id": PAYMENT, "order_id": ORDER}

PAID = evolve(a_payment(status=PaymentStatus.SUCCEEDED), captured_amount=dollars("3"))
HELD = a_payment(status=PaymentStatus.AUTHORIZED)
FAILED = a_payment(status=PaymentStatus.FAILED)
VOIDED = evolve(HELD, status=PaymentStatus.CANCELLED)

REFUNDED = a_refund(status=RefundStatus.SUCCEEDED)
NOT_REFUNDED = a_refund(status=RefundStatus.FAILED)
OF_REFUND = {
    **OF_PAYMENT,
    "refund_id": RefundId("refund-1"),
    "charge_id": CHARGE,
    "amount": PRICE,
}

OPEN = Dispute(DisputeId("dp_1"), PAYMENT, ORDER, CHARGE, PRICE, "fraud", DisputeStatus.OPEN)
OF_DISPUTE = {
    **OF_PAYMENT,
    "dispute_id": DisputeId("dp_1"),
    "charge_id": CHARGE,
    "amount": PRICE,
    "reason": "fraud",
}


@pytest.mark.parametrize(
    ("event", "event_id", "content"),
    [
        (
            PaymentCreated.of(PAID),
            "payment:created:payment-1",
            {
                **OF_PAYMENT,
                "charge_id": CHARGE,
                "amount": dollars("3"),
                "gateway": GATEWAY,
                "created_at": NOW,
            },
        ),
        (
            PaymentPending.of(a_payment()),
            "payment:pending:payment-1",
            {**OF_PAYMENT, "amount": PRICE, "gateway": GATEWAY},
        ),
        (
            PaymentAuthorized.of(HELD),
            "payment:authorized:payment-1",
            {
                **OF_PAYMENT,
                "charge_id": CHARGE,
                "amount": PRICE,
                "gateway": GATEWAY,
                "expires_at": UNTIL,
            },
        ),
        (
            PaymentExpiring.of(HELD),
            "payment:expiring:payment-1",
            {**OF_PAYMENT, "expires_at": UNTIL},
        ),
        *(
            (
                PaymentVoided.of(evolve(VOIDED, code=code, release_reason=words)),
                "payment:voided:payment-1",
                {**OF_PAYMENT, "amount": PRICE, "reason": reason},
            )
            for code, words, reason in [
                ("voided", "no stock", "no stock"),
                ("order_cancelled", None, "order_cancelled"),
                (None, None, "cancelled"),
            ]
        ),
        *(
            (
                PaymentFailed.of(evolve(FAILED, code=code)),
                "payment:failed:payment-1",
                {**OF_PAYMENT, "code": code or "failed"},
            )
            for code in ("card_declined", None)
        ),
        (
            PaymentRefunded.of(REFUNDED),
            "payment:refunded:refund-1",
            {**OF_REFUND, "reason": "requested"},
        ),
        *(
            (
                PaymentRefundFailed.of(evolve(NOT_REFUNDED, code=code)),
                "payment:refund_failed:refund-1",
                {**OF_REFUND, "code": code or "failed"},
            )
            for code in ("no_account", None)
        ),
        (
            PaymentDisputed.of(OPEN, after(days=7)),
            "payment:disputed:dp_1:open",
            {**OF_DISPUTE, "status": "open", "due_by": after(days=7)},
        ),
        (
            PaymentDisputed.of(evolve(OPEN, status=DisputeStatus.LOST), after(days=7)),
            "payment:disputed:dp_1:lost",
            {**OF_DISPUTE, "status": "lost", "due_by": None},
        ),
    ],
)
def test_an_event_has_the_fields_of_its_entity_and_an_id(
    event: Event, event_id: str, content: dict[str, object]
) -> None:
    assert asdict(event, recurse=False) == content
    assert event.id == event_id
    assert event_id.startswith(f"{event.subject}:")


def test_what_has_no_charge_or_no_authorization_is_not_published_as_having_it() -> None:
    for payment in (evolve(HELD, charge_id=None), evolve(HELD, authorized_until=None)):
        with pytest.raises(ValueError, match="payment-1 is not authorized"):
            PaymentAuthorized.of(payment)
    with pytest.raises(ValueError, match="payment-1 is not authorized"):
        PaymentExpiring.of(evolve(HELD, authorized_until=None))
    with pytest.raises(ValueError, match="payment-1 was not charged"):
        PaymentCreated.of(evolve(PAID, charge_id=None))
