"""Dispute: a customer asks their bank to take a payment back; we record it, and tell the others."""

from enum import Enum
from typing import Final, NewType

from attrs import evolve, frozen

from domain.money import Money
from domain.order import OrderId
from domain.payment import ChargeId, PaymentId

DisputeId = NewType("DisputeId", str)


class DisputeStatus(Enum):
    """How far a dispute has come; what has been decided stays decided."""

    OPEN = "open"
    WON = "won"
    """The money stays with the shop."""
    LOST = "lost"
    """The bank has taken it back."""


_RANK: Final = {status: rank for rank, status in enumerate(DisputeStatus)}


@frozen
class Dispute:
    """A payment that its customer's bank was asked to take back."""

    id: DisputeId
    payment_id: PaymentId
    order_id: OrderId
    charge_id: ChargeId
    amount: Money
    reason: str
    status: DisputeStatus

    def hear(self, status: DisputeStatus) -> "Dispute":
        """Learn how it stands; hearing it twice, or an older state later, changes nothing."""
        return evolve(self, status=max(self.status, status, key=_RANK.__getitem__))
