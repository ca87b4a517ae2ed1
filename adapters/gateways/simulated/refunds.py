"""Refunds as a simulated gateway records them."""

from collections.abc import Iterable
from datetime import datetime
from enum import Enum
from typing import Final

from attrs import frozen

from adapters.gateways.simulated.attempts import Attempt
from domain.identifiers import ChargeId, RefundId
from domain.money import Money
from domain.refund import (
    Refund,
    Refunded,
    RefundFailed,
    RefundOutcome,
    RefundPending,
    ReportedRefund,
)

ALREADY_REFUNDED: Final = "charge_already_refunded"
"""The code for a charge of which nothing is left (https://docs.stripe.com/error-codes)."""


class RefundState(Enum):
    """The states of a refund."""

    SUCCEEDED = "succeeded"
    PENDING = "pending"
    FAILED = "failed"


@frozen
class RefundRecord:
    """One refund; an external one has no key."""

    reference: str
    charge_id: ChargeId
    amount: Money
    state: RefundState
    key: str | None = None
    refund_id: RefundId | None = None
    reason: str | None = None
    created_at: datetime | None = None
    """None in the records of an earlier version."""
    failed_at: datetime | None = None

    @property
    def reported(self) -> ReportedRefund:
        """What the gateway lists and notifies about it."""
        labels = self.refund_id, self.key, self.reason
        return ReportedRefund(self.reference, self.amount, self.outcome, *labels)

    @property
    def outcome(self) -> RefundOutcome:
        """What the gateway reports about it."""
        match self.state:
            case RefundState.SUCCEEDED:
                return Refunded(self.reference, self.amount)
            case RefundState.PENDING:
                return RefundPending(self.reference)
            case RefundState.FAILED:
                return RefundFailed("expired_or_canceled_card", self.reference)


def refundable(attempt: Attempt, refunds: Iterable[RefundRecord]) -> Money:
    """Return the captured amount that is not refunded yet."""
    amount = attempt.amount
    for refund in refunds:
        if refund.charge_id == attempt.charge_id and refund.state is not RefundState.FAILED:
            amount -= refund.amount
    return amount


def rejection(code: str, requested: Refund, refunds: Iterable[RefundRecord]) -> RefundOutcome:
    """Return the outcome of a refund that the gateway rejects with this code.

    If nothing is left of the charge, the outcome is that of the refund which used the rest: an
    earlier attempt of this refund, or an external refund of the same amount.
    """
    if code != ALREADY_REFUNDED:
        return RefundFailed(code)
    effective = [each for each in refunds if each.state is not RefundState.FAILED]
    for refund in effective:
        if refund.refund_id == requested.id:
            return refund.outcome
    for refund in effective:
        if refund.refund_id is None and refund.amount == requested.amount:
            return refund.outcome
    return RefundFailed(code)
