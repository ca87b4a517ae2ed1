"""OrderRefunds: how money of an order's payments is given back."""

from datetime import datetime
from typing import Self

from attrs import frozen

from domain.identifiers import ChargeId, PaymentId, RefundId
from domain.money import Money
from domain.order_entities import OrderEntities
from domain.payment import Payment, PaymentStatus
from domain.refund import Refund, Refunded, RefundFailed, RefundOutcome
from domain.refund_rules import automatic_refund, external_refund, refundable, requested_refund


@frozen
class OrderRefunds(OrderEntities):
    """An order with the rules about giving money back."""

    def refundable(self, payment: Payment) -> Money:
        """Return the captured amount that no refund has reserved yet."""
        return refundable(payment, self.refunds)

    def reserve_refund(
        self,
        refund_id: RefundId,
        payment_id: PaymentId,
        minor_units: int | None,
        reason: str,
        now: datetime,
    ) -> Self:
        """Reserve part of a payment for a refund; all that is left if no amount is given.

        Raises:
            PaymentNotFound: the order has no such payment.
            NotRefundable, RefundExceedsPayment: see `requested_refund`.
        """
        if self.refund(refund_id) is not None:
            return self  # the reservation was committed, only its confirmation was lost
        payment = self.payment(payment_id)
        left = self.refundable(payment)
        return self.with_refund(
            requested_refund(refund_id, payment, left, minor_units, reason, now)
        )

    def settle_refund(self, refund_id: RefundId, outcome: RefundOutcome, now: datetime) -> Self:
        """Record the outcome of a refund; a repeated report changes nothing.

        If a refund fails and the order may not keep the payment, another refund follows.
        """
        refund = self.refund(refund_id)
        if refund is None:
            return self
        if isinstance(outcome, Refunded) and self._has_other_refund(outcome.reference, refund):
            outcome = RefundFailed("refunded_externally")
        payment = self.payment(refund.payment_id)
        return self.with_refund(refund.settle(outcome))._refund_if_not_allowed(payment, now)

    def record_refund(
        self,
        charge_id: ChargeId,
        reference: str,
        amount: Money,
        outcome: RefundOutcome,
        now: datetime,
    ) -> Self:
        """Record a refund that was started outside this service.

        While it is pending, recovery checks it like one of ours, but never sends it.
        """
        payment = self.payment_of_charge(charge_id)
        if payment is None:
            return self
        refund = next((each for each in self.refunds if each.reference == reference), None)
        if refund is None:
            refund = external_refund(reference, payment, amount, now)
        return self.with_refund(refund).settle_refund(refund.id, outcome, now)

    def _has_other_refund(self, reference: str, refund: Refund) -> bool:
        """Whether the gateway's reference belongs to another refund of this order."""
        return any(each.reference == reference and each.id != refund.id for each in self.refunds)

    def _refund_if_not_allowed(self, payment: Payment, now: datetime) -> Self:
        """Reserve a refund of what is left of a payment that the order may not keep."""
        if payment.status is PaymentStatus.REVERSED:
            reason = payment.code or "reversed"
        elif self.is_cancelled:
            reason = "order_cancelled"
        else:
            return self
        refund = automatic_refund(payment, self.refunds, reason, now)
        return self if refund is None else self.with_refund(refund)
