"""Payments and refunds for the conformance tests, with keys as long as production's longest."""

import itertools
import uuid
from datetime import UTC, datetime
from typing import Final

from attrs import evolve

from domain.capture import CaptureMode
from domain.identifiers import OrderId, PaymentId, RefundId, UserId
from domain.money import Currency, Money
from domain.outcome import Authorized, Charged
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from domain.refund import Refund, Refunded, RefundOutcome, RefundPending
from payments_kit.conformance.harness import Harness, currencies

# The id of a payment has 36 characters of [A-Za-z0-9_-] (application/ports/clock.py); the longest
# ids of refunds are the automatic ones of domain/refund_rules.py, here with a number of two digits.
_ID_END: Final = "Z_-9"
_refund_numbers: Final = itertools.count()

FIRST_CAPTURE: Final = 100_000
"""The attempt number of a first capture here. One every 10 s is sent again, within the 30 days that
the longest authorizations last: that makes six digits."""


def a_payment(minor_units: int = 1000, currency: str = "usd") -> Payment:
    """Return a new payment that has not been sent yet."""
    return Payment(
        id=PaymentId(uuid.uuid4().hex + _ID_END),
        order_id=OrderId(uuid.uuid4().hex),
        user_id=UserId("user-1"),
        amount=Money(minor_units, Currency(currency)),
        gateway="any",
        livemode=False,
        created_at=datetime.now(UTC),
    )


def payment_for(harness: Harness, minor_units: int = 1000) -> Payment:
    """Return a new payment in the first currency of the harness."""
    return a_payment(minor_units, currencies(harness)[0])


def a_refund(payment: Payment, charged: Charged, minor_units: int | None = None) -> Refund:
    """Return a new, unsent refund; of the whole payment if no amount is given."""
    amount = payment.amount if minor_units is None else Money(minor_units, payment.amount.currency)
    return Refund(
        id=RefundId(f"{payment.id}-back-{10 + next(_refund_numbers) % 90}-0123abcd"),
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
    payment = payment_for(harness, minor_units)
    outcome = await harness.gateway.charge(payment, harness.succeeding_token)
    assert isinstance(outcome, Charged), f"a good card was not charged: {outcome}"  # noqa: S101
    return payment, outcome


# --- refunds -----------------------------------------------------------------------------------


def is_accepted(outcome: RefundOutcome | None) -> bool:
    """Whether a refund is on its way, or settled already."""
    return isinstance(outcome, Refunded | RefundPending)


async def refunded(harness: Harness, payment: Payment, refund: Refund) -> RefundOutcome:
    """Send a refund; return it settled if it is settled later and the harness can do so."""
    outcome = await harness.gateway.refund(payment, refund)
    return await settled(harness, payment, refund, outcome)


async def settled(
    harness: Harness, payment: Payment, refund: Refund, outcome: RefundOutcome
) -> RefundOutcome:
    """Return the outcome of a refund after it is settled, if the harness can do so."""
    settle = getattr(harness, "settle_refund", None)
    if not isinstance(outcome, RefundPending) or settle is None:
        return outcome
    await settle(payment, refund, succeeded=True)
    found = await harness.gateway.find_refund(payment, refund)
    assert isinstance(found, Refunded), f"a settled refund is {found}"  # noqa: S101
    return found


# --- captures ----------------------------------------------------------------------------------


def manual_payment_for(harness: Harness, minor_units: int = 1000) -> Payment:
    """Return a new payment that is to be authorized only."""
    return evolve(payment_for(harness, minor_units), capture_mode=CaptureMode.MANUAL)


async def authorized(harness: Harness, minor_units: int = 1000) -> tuple[Payment, Authorized]:
    """Authorize a new payment; return it as it is stored then."""
    payment = manual_payment_for(harness, minor_units)
    outcome = await harness.gateway.charge(payment, harness.succeeding_token)
    assert isinstance(outcome, Authorized), f"a good card was not authorized: {outcome}"  # noqa: S101
    return as_authorized(payment, outcome), outcome


def as_authorized(payment: Payment, outcome: Authorized) -> Payment:
    """Return a payment after its authorization."""
    return evolve(
        payment,
        status=PaymentStatus.AUTHORIZED,
        charge_id=outcome.charge_id,
        reference=outcome.reference,
        authorized_until=outcome.until,
    )


def to_capture(payment: Payment, minor_units: int | None = None, number: int = 0) -> Payment:
    """Return the payment with a capture of this amount, or of all; `number` is in the key."""
    amount = payment.amount if minor_units is None else Money(minor_units, payment.amount.currency)
    return evolve(payment, requested_capture=amount, capture_attempt=FIRST_CAPTURE + number)
