"""Dispute: a customer asks their bank to reverse a payment; we record it and publish it."""

from enum import Enum
from typing import Final

from attrs import evolve, frozen

from domain.identifiers import ChargeId, DisputeId, OrderId, PaymentId
from domain.money import Money


class DisputeStatus(Enum):
    """The states of a dispute, in the order in which they may follow each other.

    A lost one can still be won, by an appeal. One that is won stays won: if the bank disputes the
    payment again, that is another dispute.
    """

    OPEN = "open"
    PREVENTED = "prevented"
    """It ended before the bank decided, such as by a refund."""
    LOST = "lost"
    """The bank has reversed the payment."""
    WON = "won"
    """The shop keeps the money."""


REVERSED: Final = "reversed"
"""The reason of one of which the gateway only reports that the money was taken back."""

_RANK: Final = {status: rank for rank, status in enumerate(DisputeStatus)}


@frozen
class Dispute:
    """A payment that its customer's bank was asked to reverse."""

    id: DisputeId
    payment_id: PaymentId
    order_id: OrderId
    charge_id: ChargeId
    amount: Money
    reason: str
    status: DisputeStatus

    @property
    def may_be_lost(self) -> bool:
        """Whether the money is away, or may be soon."""
        return self.status in (DisputeStatus.OPEN, DisputeStatus.LOST)

    def apply(self, status: DisputeStatus) -> "Dispute":
        """Move to the reported state; a repeated or older report changes nothing."""
        return evolve(self, status=max(self.status, status, key=_RANK.__getitem__))
