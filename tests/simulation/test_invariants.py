"""The checker of the promises finds each of them broken."""

import pytest
from attrs import evolve

from domain.payment import PaymentStatus
from domain.refund import RefundStatus
from tests.builders import (
    PAYMENT,
    PRICE,
    a_bill,
    a_payment,
    a_refund,
    an_order,
    cancelled_event,
    created_event,
    dollars,
)
from tests.promises import (
    ChargeThere,
    Delivered,
    Observations,
    RecordedReply,
    RefundThere,
    broken_promises,
)

CHARGE = ChargeThere("ch_payment-1", PAYMENT, PRICE)
CREATED = Delivered("payment:created:payment-1", "payment:created", "order-1", PAYMENT)
REFUNDED = Delivered("payment:refunded:refund-1", "payment:refunded", "order-1", PAYMENT)
BACK = RefundThere(CHARGE.id, PRICE, "refund-1")
PAID = a_payment(status=PaymentStatus.SUCCEEDED)
GIVEN_BACK = a_refund(status=RefundStatus.SUCCEEDED)
SECOND = a_payment("payment-2", PaymentStatus.SUCCEEDED)
CANCELLED = an_order().merge(cancelled_event())

GOOD = Observations(
    [CHARGE], [], [a_bill(PAID)], [CREATED, CREATED], [RecordedReply("paid", PAYMENT)]
)
REFUND = evolve(
    GOOD,
    refunds=[BACK],
    orders=[a_bill(PAID, order=CANCELLED, refunds=(GIVEN_BACK,))],
    seen=[CREATED, REFUNDED],
    acknowledged=[created_event(), cancelled_event()],
)

BROKEN = {
    "1: order order-1 is charged 2 times": evolve(
        GOOD,
        charges=[CHARGE, ChargeThere("ch_payment-2", "payment-2", PRICE)],
        orders=[a_bill(PAID, evolve(SECOND, status=PaymentStatus.REVERSED))],
    ),
    "1: order order-1 has 2 live payments": evolve(GOOD, orders=[a_bill(PAID, SECOND)]),
    "2: a payment has two charges": evolve(GOOD, charges=[CHARGE, evolve(CHARGE, id="ch_other")]),
    "and payment payment-1 is unknown": evolve(GOOD, orders=[]),
    "and payment payment-1 is failed": evolve(
        GOOD, orders=[a_bill(a_payment(status=PaymentStatus.FAILED))]
    ),
    "2: payment payment-1 is 100.00 usd": evolve(
        GOOD, charges=[evolve(CHARGE, amount=dollars("99"))]
    ),
    "2: unwanted charge ch_payment-1 is kept": evolve(
        GOOD, orders=[a_bill(a_payment(status=PaymentStatus.REVERSED))]
    ),
    "2: payment payment-1 is succeeded without a charge": evolve(GOOD, charges=[]),
    "2: payment payment-1 took 100.00 usd": evolve(
        GOOD,
        charges=[evolve(CHARGE, amount=dollars("99"))],
        orders=[a_bill(evolve(PAID, status=PaymentStatus.REVIEW))],
    ),
    "2: 0 of charge ch_payment-1 are kept, we say 10000": evolve(
        GOOD, refunds=[RefundThere(CHARGE.id, PRICE)]
    ),
    "2: 10000 of charge ch_payment-1 are kept, we say 0": evolve(REFUND, refunds=[]),
    "back for refund-1, we: None": evolve(REFUND, orders=[a_bill(PAID)]),
    "2: a refund was given back twice": evolve(REFUND, refunds=[BACK, BACK]),
    "2: more than charge ch_payment-1 was given back": evolve(REFUND, refunds=[BACK, BACK]),
    "2: refund refund-1 is nowhere": evolve(REFUND, refunds=[]),
    "tells different things": evolve(GOOD, seen=[CREATED, evolve(CREATED, body="other")]),
    "3: payment payment-1 was announced and is unwanted": evolve(
        GOOD, orders=[a_bill(a_payment(status=PaymentStatus.REVERSED))]
    ),
    "3: payment payment-1 was announced under": evolve(
        GOOD, seen=[CREATED, evolve(CREATED, id="another")]
    ),
    "3: payment payment-1 succeeded and was never announced": evolve(GOOD, seen=[]),
    "3: refund refund-1 succeeded and was never announced": evolve(REFUND, seen=[CREATED]),
    "was heard before": evolve(REFUND, seen=[REFUNDED, CREATED]),
    "4: order order-1 is cancelled": evolve(GOOD, orders=[a_bill(PAID, order=CANCELLED)]),
    "5: Order": evolve(GOOD, acknowledged=[cancelled_event()]),
    "6: payment-1 was answered as paid": evolve(
        GOOD, orders=[a_bill(a_payment(status=PaymentStatus.REVERSED))]
    ),
    "6: payment-1 was answered as declined": evolve(
        GOOD, answers=[RecordedReply("declined", PAYMENT)]
    ),
    "8: a secret is in": evolve(GOOD, secrets=["tok_visa"], texts=["charging tok_visa now"]),
    "9: payment payment-1 is still processing": evolve(GOOD, orders=[a_bill(a_payment())]),
    "9: refund refund-1 is still pending": evolve(
        REFUND, orders=[a_bill(PAID, refunds=(a_refund(),))]
    ),
}


@pytest.mark.parametrize("found", [GOOD, REFUND], ids=["paid", "given back"])
def test_a_world_in_which_every_promise_holds_has_nothing_broken(found: Observations) -> None:
    assert broken_promises(found) == []


@pytest.mark.parametrize("words", BROKEN)
def test_a_broken_promise_is_named(words: str) -> None:
    assert any(words in broken for broken in broken_promises(BROKEN[words]))


def test_a_payment_under_review_waits_for_a_person() -> None:
    review = evolve(a_payment(status=PaymentStatus.REVIEW), captured_amount=dollars("1"))
    wrong = evolve(CHARGE, amount=dollars("1"))
    assert broken_promises(Observations([wrong], [], [a_bill(review)])) == []
    cancelled = broken_promises(Observations([wrong], [], [a_bill(review, order=CANCELLED)]))
    assert cancelled == ["4: order order-1 is cancelled and charge ch_payment-1 is kept"]
