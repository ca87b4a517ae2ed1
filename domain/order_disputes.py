"""OrderDisputes: what an order records about disputes of its payments."""

from typing import Self

from attrs import frozen

from domain.dispute import Dispute, DisputeStatus
from domain.identifiers import ChargeId, DisputeId
from domain.money import Money
from domain.order_entities import OrderEntities


@frozen
class OrderDisputes(OrderEntities):
    """An order and the disputes about its payments."""

    def record_dispute(
        self,
        dispute_id: DisputeId,
        charge_id: ChargeId,
        amount: Money,
        reason: str,
        status: DisputeStatus,
    ) -> Self:
        """Record the state of a dispute about one of its payments."""
        existing = self.dispute(dispute_id)
        if existing is not None:
            return self.with_dispute(existing.apply(status))
        payment = self.payment_of_charge(charge_id)
        if payment is None:
            return self
        dispute = Dispute(dispute_id, payment.id, self.id, charge_id, amount, reason, status)
        return self.with_dispute(dispute)
