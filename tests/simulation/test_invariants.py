"""The checker reports each kind of violation, and nothing else."""

import pytest
from attrs import evolve

from domain.payment import PaymentStatus
from domain.refund import RefundStatus
from payments_kit.simulation.invariants import broken_promises
from payments_kit.simulation.observations import (
    Delivered,
    GatewayCharge,
    GatewayRefund,
    Observations,
    RecordedReply,
)
from tests.builders import (
    NOW,
    OTHER_USER,
    PAYER,
    PAYMENT,
    PRICE,
    a_payment,
    a_refund,
    after,
    an_order,
    cancelled_event,
    created_event,
    dollars,
)

CHARGE = GatewayCharge("ch_payment-1", PAYMENT, PRICE)
CREATED = Delivered("payment:created:payment-1", "payment:created", "order-1", PAYMENT)
WAITING = "payment:pending:payment-1"
FAILURE = Delivered("payment:failed:payment-1", "payment:failed", "order-1", PAYMENT)
REFUNDED = Delivered("payment:refunded:refund-1", "payment:refunded", "order-1", PAYMENT)
GATEWAY_REFUND = GatewayRefund(CHARGE.id, PRICE, "refund-1")
SUCCEEDED = a_payment(status=PaymentStatus.SUCCEEDED)
REVERSED = a_payment(status=PaymentStatus.REVERSED)
FAILED = a_payment(status=PaymentStatus.FAILED)
REFUND = a_refund(status=RefundStatus.SUCCEEDED)
SECOND = a_payment("payment-2", PaymentStatus.SUCCEEDED)
CANCELLED = created_event().merge(cancelled_event())

PAID = Observations(
    [CHARGE],
    [],
    [an_order(SUCCEEDED)],
    [CREATED, CREATED],
    [RecordedReply("paid", PAYMENT, PAYER)],
    [created_event()],
)
GIVEN_BACK = evolve(
    PAID,
    refunds=[GATEWAY_REFUND],
    orders=[an_order(SUCCEEDED, replica=CANCELLED, refunds=(REFUND,))],
    delivered=[CREATED, REFUNDED],
    acknowledged=[created_event(), cancelled_event()],
)

VIOLATIONS = {
    "1: order order-1 was paid by ch_payment-1, then by ch_payment-2": evolve(
        PAID,
        charges=[
            evolve(CHARGE, order_id="order-1", captured_at=NOW),
            GatewayCharge("ch_payment-2", "payment-2", PRICE, "order-1", after(9), after(8)),
        ],
        refunds=[GatewayRefund("ch_payment-2", PRICE)],
        orders=[
            an_order(
                SUCCEEDED,
                a_payment("payment-2", PaymentStatus.REVERSED),
                refunds=(a_refund("refund-2", PRICE, RefundStatus.SUCCEEDED, "payment-2"),),
            )
        ],
    ),
    "1: order order-1 is charged 2 times": evolve(
        PAID,
        charges=[CHARGE, GatewayCharge("ch_payment-2", "payment-2", PRICE)],
        orders=[an_order(SUCCEEDED, evolve(SECOND, status=PaymentStatus.REVERSED))],
    ),
    "1: order order-1 has 2 live payments": evolve(PAID, orders=[an_order(SUCCEEDED, SECOND)]),
    "charge ch_other 100.00 usd": evolve(PAID, charges=[CHARGE, evolve(CHARGE, id="ch_other")]),
    "charged 2 times: ['ch_payment-1', 'ch_other']": evolve(
        PAID, charges=[CHARGE, evolve(CHARGE, id="ch_other")]
    ),
    "but payment payment-1 is unknown": evolve(PAID, orders=[]),
    "but payment payment-1 is failed": evolve(PAID, orders=[an_order(FAILED)]),
    "2: payment payment-1 is 100.00 usd": evolve(
        PAID, charges=[evolve(CHARGE, amount=dollars("99"))]
    ),
    "2: reversed charge ch_payment-1 is kept": evolve(PAID, orders=[an_order(REVERSED)]),
    "2: payment payment-1 is succeeded without a charge": evolve(PAID, charges=[]),
    "2: payment payment-1 captured 100.00 usd": evolve(
        PAID,
        charges=[evolve(CHARGE, amount=dollars("99"))],
        orders=[an_order(evolve(SUCCEEDED, status=PaymentStatus.REVIEW))],
    ),
    "2: 0 of charge ch_payment-1 is kept, we record 10000": evolve(
        PAID, refunds=[GatewayRefund(CHARGE.id, PRICE)]
    ),
    "2: 10000 of charge ch_payment-1 is kept, we record 0": evolve(GIVEN_BACK, refunds=[]),
    "2: the gateway keeps 0 of charge ch_payment-1, we record 10000": evolve(
        PAID, refunds=[GatewayRefund(CHARGE.id, PRICE)], reports_external_refunds=True
    ),
    "for refund-1; ours: None": evolve(GIVEN_BACK, orders=[an_order(SUCCEEDED)]),
    "2: a refund was given back twice": evolve(GIVEN_BACK, refunds=[GATEWAY_REFUND] * 2),
    "2: more than charge ch_payment-1 was given back": evolve(
        GIVEN_BACK, refunds=[GATEWAY_REFUND] * 2
    ),
    "2: the gateway has no refund refund-1": evolve(GIVEN_BACK, refunds=[]),
    "has different contents": evolve(PAID, delivered=[CREATED, evolve(CREATED, body="other")]),
    "3: payment payment-1 was published as created and is reversed": evolve(
        PAID, orders=[an_order(REVERSED)]
    ),
    "3: payment payment-1 was published under": evolve(
        PAID, delivered=[CREATED, evolve(CREATED, id="another")]
    ),
    "3: payment payment-1 succeeded and was never published": evolve(PAID, delivered=[]),
    "3: payment payment-1 failed and was never published": evolve(PAID, orders=[an_order(FAILED)]),
    "3: refund refund-1 succeeded and was never published": evolve(GIVEN_BACK, delivered=[CREATED]),
    "3: payment:pending:payment-1 was delivered after": evolve(
        PAID, delivered=[CREATED, evolve(CREATED, id=WAITING, subject="payment:pending")]
    ),
    "was delivered before": evolve(GIVEN_BACK, delivered=[REFUNDED, CREATED]),
    "4: order order-1 is cancelled": evolve(PAID, orders=[an_order(SUCCEEDED, replica=CANCELLED)]),
    "was acknowledged, the replica is": evolve(PAID, acknowledged=[cancelled_event()]),
    "5: the dead letters are": evolve(PAID, malformed=[b"{"]),
    "6: the reply was that payment-1 is paid": evolve(PAID, orders=[an_order(REVERSED)]),
    **{
        f"6: the reply was that payment-1 is {kind}": evolve(
            PAID, replies=[RecordedReply(kind, PAYMENT)]
        )
        for kind in ("declined", "not charged")
    },
    "6: payment payment-1 was published as failed (timeout), and is captured": evolve(
        PAID, delivered=[evolve(FAILURE, body={"code": "timeout"}), CREATED]
    ),
    "7: payment payment-1 is 100.00 usd": evolve(
        PAID, acknowledged=[created_event(price=dollars("99.99"))]
    ),
    "8: user-1 pays for another user's order": evolve(
        PAID, acknowledged=[created_event(user_id=OTHER_USER)]
    ),
    "8: the reply to user-2 names another user's payment": evolve(
        PAID, replies=[RecordedReply("other", PAYMENT, OTHER_USER)]
    ),
    "8: a secret is in": evolve(PAID, secrets=["tok_visa"], texts=["charging tok_visa now"]),
    "9: payment payment-1 is still processing": evolve(PAID, orders=[an_order(a_payment())]),
    "9: refund refund-1 is still pending": evolve(
        GIVEN_BACK, orders=[an_order(SUCCEEDED, refunds=(a_refund(),))]
    ),
    "9: 2 events were never published": evolve(PAID, unpublished=2),
}


ABANDONED_FIRST = evolve(PAID, delivered=[evolve(FAILURE, body={"code": "abandoned"}), CREATED])


@pytest.mark.parametrize(
    "found", [PAID, GIVEN_BACK, ABANDONED_FIRST], ids=["paid", "given back", "abandoned first"]
)
def test_nothing_is_reported_if_every_promise_is_kept(found: Observations) -> None:
    assert broken_promises(found) == []


@pytest.mark.parametrize("text", VIOLATIONS)
def test_a_violation_is_reported(text: str) -> None:
    assert any(text in violation for violation in broken_promises(VIOLATIONS[text]))


def test_a_payment_in_review_waits_for_an_operator_unless_its_order_is_cancelled() -> None:
    review = evolve(a_payment(status=PaymentStatus.REVIEW), captured_amount=dollars("1"))
    wrong = evolve(CHARGE, amount=dollars("1"))
    assert broken_promises(Observations([wrong], [], [an_order(review)])) == []
    cancelled = broken_promises(Observations([wrong], [], [an_order(review, replica=CANCELLED)]))
    assert cancelled == ["4: order order-1 is cancelled and charge ch_payment-1 is kept"]
