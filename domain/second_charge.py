"""A second charge of one payment: recorded as a payment of its own, and given back."""

import hashlib
from datetime import datetime
from typing import Final

from attrs import evolve

from domain.identifiers import ChargeId, PaymentId
from domain.outcome import Charged
from domain.payment import Payment
from domain.payment_status import PaymentStatus

CHARGED_TWICE: Final = "charged_twice"
"""The code of a payment that records a second charge, and the reason of its refund."""


def second_charge(first: Payment, charged: Charged, now: datetime) -> Payment:
    """Return the payment that records another charge of a payment that has one already."""
    return evolve(
        first,
        id=second_charge_id(first.id, charged.charge_id),
        status=PaymentStatus.REVERSED,
        created_at=now,
        charge_id=charged.charge_id,
        captured_amount=charged.amount,
        reference=charged.reference,
        code=CHARGED_TWICE,
        release_reason=None,
    )


def second_charge_id(first: PaymentId, charge_id: ChargeId | None) -> PaymentId:
    """Return the id of a second charge; every report about the charge gives the same one."""
    return PaymentId(hashlib.sha256(f"{first}\n{charge_id}".encode()).hexdigest())
