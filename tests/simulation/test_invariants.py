"""What the service's entities say reaches the specification as it is."""

from attrs import evolve

from domain.dispute import Dispute, DisputeStatus
from domain.identifiers import ChargeId, DisputeId
from domain.payment_status import PaymentStatus
from domain.refund import RefundStatus
from payments_kit.simulation.invariants import broken_promises
from payments_kit.simulation.model.amounts import Amount
from payments_kit.simulation.model.records import OrderEvent
from payments_kit.simulation.observations import (
    Delivered,
    GatewayCharge,
    GatewayRefund,
    Observations,
    RecordedReply,
)
from payments_kit.simulation.plain import booked_order, history_of
from tests.builders import (
    NOW,
    ORDER,
    PAYER,
    PAYMENT,
    PRICE,
    a_payment,
    a_refund,
    an_order,
    cancelled_event,
    created_event,
    dollars,
)

CHARGE = GatewayCharge("ch_payment-1", PAYMENT, PRICE)
SUCCEEDED = a_payment(status=PaymentStatus.SUCCEEDED)
REFUND = a_refund(status=RefundStatus.SUCCEEDED)
MONEY = {"amount": 10_000, "currency": "usd", "stripeId": CHARGE.id}
CREATED = Delivered(
    *("payment:created:payment-1", "payment:created", "order-1", PAYMENT),
    {"gateway": SUCCEEDED.gateway, **MONEY},
)
REFUNDED = Delivered(
    *("payment:refunded:refund-1", "payment:refunded", "order-1", PAYMENT),
    {"refundId": "refund-1", "reason": REFUND.reason, **MONEY},
)
PAID = Observations(
    charges=[CHARGE],
    refunds=[],
    orders=[an_order(SUCCEEDED, replica=created_event().complete())],
    delivered=[CREATED, CREATED],
    replies=[RecordedReply("paid", PAYMENT, PAYER)],
    acknowledged=[created_event()],
)
GIVEN_BACK = evolve(
    PAID,
    refunds=[GatewayRefund(CHARGE.id, PRICE, "refund-1")],
    orders=[
        an_order(SUCCEEDED, replica=created_event().merge(cancelled_event()), refunds=(REFUND,))
    ],
    delivered=[CREATED, REFUNDED],
    acknowledged=[created_event(), cancelled_event()],
)


def test_a_paid_and_a_refunded_order_keep_every_promise() -> None:
    assert broken_promises(PAID) == []
    assert broken_promises(GIVEN_BACK) == []


def test_a_difference_of_one_cent_is_reported() -> None:
    found = broken_promises(evolve(PAID, charges=[evolve(CHARGE, amount=dollars("99.99"))]))
    assert [each[:2] for each in found] == ["2:", "2:"]


def test_the_rows_of_an_order_say_what_the_entities_say() -> None:
    charge_id, lost = ChargeId(CHARGE.id), DisputeStatus.LOST
    dispute = Dispute(DisputeId("dp_1"), PAYMENT, ORDER, charge_id, PRICE, "fraudulent", lost)
    order = booked_order(evolve(an_order(SUCCEEDED, refunds=(REFUND,)), disputes=(dispute,)))
    [payment], [refund], [disputed] = order.payments, order.refunds, order.disputes
    assert (order.id, order.user_id, order.price) == ("order-1", PAYER, Amount(10_000, "usd"))
    assert payment.status == "succeeded"
    assert (payment.charge_id, payment.captured) == (CHARGE.id, Amount(10_000, "usd"))
    assert payment.claimed_at == NOW
    assert (refund.id, refund.payment_id, refund.status) == ("refund-1", PAYMENT, "succeeded")
    assert (disputed.payment_id, disputed.status) == (PAYMENT, "lost")


def test_each_kind_of_reply_keeps_its_meaning() -> None:
    kinds = ("paid", "declined", "not charged", "key reused", "cancelled", "other")
    history = history_of(evolve(PAID, replies=[RecordedReply(each, PAYMENT) for each in kinds]))
    assert [each.status for each in history.replies] == [201, 402, 503, 422, 200, 0]
    assert [each.started for each in history.replies][2:4] == [(PAYMENT,), (PAYMENT,)]
    assert history.replies[4].request == "cancel"


def test_an_order_event_keeps_its_terms() -> None:
    history = history_of(PAID)
    assert history.order_events == [
        OrderEvent("order-1", 0, user_id=PAYER, price=Amount(10_000, "usd"))
    ]
