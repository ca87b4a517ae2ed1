"""Disputes as a simulated gateway records them."""

from datetime import datetime

from attrs import frozen

from domain.dispute import DisputeStatus
from domain.identifiers import ChargeId
from domain.money import Money


@frozen
class DisputeRecord:
    """A customer's bank was asked to reverse a charge."""

    id: str
    charge_id: ChargeId
    amount: Money
    status: DisputeStatus
    created_at: datetime
    decided_at: datetime | None = None
    """When it got its status."""
    due_by: datetime | None = None
    """Until when evidence is awaited, as was said when it was opened."""
