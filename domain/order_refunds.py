"""OrderRefunds: how money of an order's payments is given back."""

from collections.abc import Sequence
from datetime import datetime
from typing import Self

from attrs import frozen

from domain.identifiers import ChargeId, PaymentId, RefundId
from domain.money import Money
from domain.order_disputes import OrderDisputes
from domain.payment import Payment, PaymentStatus
from domain.refund import Refund, Refunded, RefundFailed, RefundOutcome, ReportedRefund
from domain.refund_rules import (
    automatic_refund,
    external_refund,
    refundable,
    requested_refund,
    within_captured,
)


@frozen
class OrderRefunds(OrderDisputes):
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
        settled = within_captured(refund.settle(outcome), payment, self.refunds)
        return self.with_refund(settled)._refund_if_not_allowed(payment, now)

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
        refund = next(
            (each for each in self.refunds if reference in (each.reference, each.id)), None
        )
        if refund is None:
            refund = external_refund(reference, payment, amount, now)
        return self.with_refund(refund).settle_refund(refund.id, outcome, now)

    def sent_refund(self, reported: ReportedRefund) -> Refund | None:
        """Return the refund that a report is about; None if it is not one that we know."""
        return next((each for each in self.refunds if each.is_reported_by(reported)), None)

    def record_refunds(
        self, charge_id: ChargeId, reported: Sequence[ReportedRefund], now: datetime
    ) -> Self:
        """Record all refunds that the gateway reports of a charge; ours are settled.

        External ones come first: if one of ours has failed, they limit the refund that follows it.
        """
        order, ours = self, list[tuple[Refund, RefundOutcome]]()
        for each in reported:
            sent = order.sent_refund(each)
            if sent is not None:
                ours.append((sent, each.outcome))
            else:
                order = order.record_refund(
                    charge_id, each.reference, each.amount, each.outcome, now
                )
        for refund, outcome in ours:
            order = order.settle_refund(refund.id, outcome, now)
        return order

    def has_room_for(self, refund: Refund) -> bool:
        """Whether the other refunds leave the amount of this one."""
        payment = self.payment(refund.payment_id)
        others = [each for each in self.refunds if each.id != refund.id]
        return not refund.amount.exceeds(refundable(payment, others))

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
