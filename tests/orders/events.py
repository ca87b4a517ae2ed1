"""Events of the payments service about one order, as they are on the wire."""

import json

from payments_kit.orders.events import PaymentEvent, read_event
from payments_kit.orders.guard import Decision, OrderPayments

PRICE = 1999


def event(subject: str, payment_id: str = "p1", **fields: object) -> PaymentEvent:
    body = {"id": payment_id, "orderId": "order", **fields}
    read = read_event(f"payment:{subject}", json.dumps(body).encode())
    assert read is not None
    return read


def created(payment_id: str = "p1", amount: int = PRICE) -> PaymentEvent:
    return event("created", payment_id, amount=amount, currency="usd")


def refunded(amount: int = PRICE, refund_id: str = "r1", payment_id: str = "p1") -> PaymentEvent:
    return event("refunded", payment_id, refundId=refund_id, amount=amount, reason="requested")


def refund_failed(amount: int = PRICE, refund_id: str = "r1") -> PaymentEvent:
    return event("refund_failed", refundId=refund_id, amount=amount, currency="usd", code="lost")


AUTHORIZED = event("authorized", amount=PRICE)
VOIDED = event("voided", amount=PRICE, reason="operator")
EXPIRING = event("expiring")
PENDING = event("pending", amount=PRICE)
FAILED = event("failed", code="expired_card")
DISPUTED = event("disputed", disputeId="d1", status="open", amount=PRICE)


def after(*events: PaymentEvent, payments: OrderPayments | None = None) -> OrderPayments:
    """Return the state after these events."""
    return decided(*events, payments=payments).payments


def decided(*events: PaymentEvent, payments: OrderPayments | None = None) -> Decision:
    """Return the decision about the last of these events."""
    state, decision = payments or OrderPayments(), None
    for each in events:
        decision = state.apply(each)
        state = decision.payments
    assert decision is not None
    return decision
