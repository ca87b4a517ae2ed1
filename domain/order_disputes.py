"""OrderDisputes: what an order records about disputes of its payments."""

from typing import Self

from attrs import frozen

from domain.dispute import REVERSED, Dispute, DisputeStatus
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
        """Record the state of a dispute about one of its payments.

        That money was taken back is told by the dispute about it, if one is known: nobody should
        count it twice.
        """
        existing = self.dispute(dispute_id)
        if existing is not None:
            return self.with_dispute(existing.apply(status))
        payment = self.payment_of_charge(charge_id)
        known = [each for each in self.disputes if each.charge_id == charge_id]
        if payment is None or (reason == REVERSED and any(each.may_be_lost for each in known)):
            return self
        dispute = Dispute(dispute_id, payment.id, self.id, charge_id, amount, reason, status)
        return self.with_dispute(dispute)
