"""Payments and refunds for the conformance tests."""

import uuid
from datetime import UTC, datetime

from domain.identifiers import OrderId, PaymentId, RefundId, UserId
from domain.money import Currency, Money
from domain.outcome import Charged
from domain.payment import Payment
from domain.refund import Refund
from payments_kit.conformance.harness import Harness


def a_payment(minor_units: int = 1000, currency: str = "usd") -> Payment:
    """Return a new payment that has not been sent yet."""
    return Payment(
        id=PaymentId(uuid.uuid4().hex),
        order_id=OrderId(uuid.uuid4().hex),
        user_id=UserId("user-1"),
        amount=Money(minor_units, Currency(currency)),
        gateway="any",
        livemode=False,
        created_at=datetime.now(UTC),
    )


def a_refund(payment: Payment, charged: Charged, minor_units: int | None = None) -> Refund:
    """Return a new, unsent refund; of the whole payment if no amount is given."""
    amount = payment.amount if minor_units is None else Money(minor_units, payment.amount.currency)
    return Refund(
        id=RefundId(uuid.uuid4().hex),
        payment_id=payment.id,
        order_id=payment.order_id,
        charge_id=charged.charge_id,
        amount=amount,
        reason="requested",
        created_at=datetime.now(UTC),
    )


def as_captured(payment: Payment, charged: Charged) -> Payment:
    """Return a payment after its charge."""
    return payment.succeed(charged)


async def paid(harness: Harness, minor_units: int = 1000) -> tuple[Payment, Charged]:
    """Charge a new payment."""
    payment = a_payment(minor_units)
    outcome = await harness.gateway.charge(payment, harness.succeeding_token)
    assert isinstance(outcome, Charged), f"a good card was not charged: {outcome}"  # noqa: S101
    return payment, outcome
