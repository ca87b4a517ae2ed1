"""OrderRefunds: how money of an order's payments is given back."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Self

from attrs import evolve, frozen

from domain.identifiers import ChargeId, PaymentId, RefundId
from domain.money import Money
from domain.order_disputes import OrderDisputes
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from domain.refund import (
    REFUNDED_EXTERNALLY,
    Refund,
    RefundFailed,
    RefundOutcome,
    RefundStatus,
    ReportedRefund,
)
from domain.refund_rules import (
    automatic_refund,
    external_refund,
    lost_refund,
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
        payment = self.payment(refund.payment_id)
        return self._with_outcome(refund, outcome, now)._refund_if_not_allowed(payment, now)

    def _with_outcome(self, refund: Refund, outcome: RefundOutcome, now: datetime) -> Self:
        # A gateway may answer with the refund of others that has used what was left.
        is_failed = isinstance(outcome, RefundFailed)
        if not is_failed and not refund.is_external and self._has_other_refund(outcome, refund):
            outcome = RefundFailed(REFUNDED_EXTERNALLY)
        payment = self.payment(refund.payment_id)
        settled = within_captured(refund.settle(outcome), payment, self.refunds)
        order = self.with_refund(settled)
        if settled == refund:
            return order
        if settled.is_limited:
            # More is back than was captured, so one of the others is not.
            return order._check_again(payment.id, lambda other: not other.is_limited, now)
        if settled.status is RefundStatus.FAILED:
            return order._check_again(payment.id, lambda other: other.is_limited, now)
        return order

    def _check_again(
        self, payment_id: PaymentId, which: Callable[[Refund], bool], now: datetime
    ) -> Self:
        """Have the gateway asked again about some refunds of a payment that succeeded."""
        order = self
        for each in self.refunds:
            is_done = each.status is RefundStatus.SUCCEEDED
            if each.payment_id == payment_id and is_done and which(each):
                order = order.with_refund(evolve(each, next_check_at=now))
        return order

    def settle_sent_refund(self, sent: Refund, outcome: RefundOutcome, now: datetime) -> Self:
        """Record the outcome of a refund that was just sent; it may be lost meanwhile.

        If its payment is lost, too, or was restored with another of its charges, nothing is
        recorded: both come back with the next comparison.
        """
        payment = next((each for each in self.payments if each.id == sent.payment_id), None)
        if payment is None or payment.charge_id not in (None, sent.charge_id):
            return self
        is_lost = self.refund(sent.id) is None and not isinstance(outcome, RefundFailed)
        if is_lost and not self._has_other_refund(outcome, sent):
            return self.with_refund(sent).settle_refund(sent.id, outcome, now)
        return self.settle_refund(sent.id, outcome, now)

    def sent_refund(self, reported: ReportedRefund) -> Refund | None:
        """Return the refund that a report is about; None if it is not one that we know."""
        return next((each for each in self.refunds if each.is_reported_by(reported)), None)

    def record_refunds(
        self, charge_id: ChargeId, reported: Sequence[ReportedRefund], now: datetime
    ) -> Self:
        """Record what the gateway reports of refunds of a charge.

        Nothing is recorded before the charge is captured: gateways also report a released
        authorization as a refund.

        One that we do not know was started outside this service, or it is one of ours that the
        database has lost: then it is recorded again as ours. While such a refund is pending,
        recovery checks it like any other of ours, but never sends it.

        Failures come first, as what has come back limits no other refund. A refund that follows a
        failed one comes last, as the others limit it.
        """
        payment = self.payment_of_charge(charge_id)
        if payment is None or not payment.is_captured:
            return self
        order, found = self, list[tuple[Refund, RefundOutcome]]()
        for each in reported:
            refund = order.sent_refund(each) or order._new_refund(payment, each, now)
            order = order.with_refund(refund)
            found.append((refund, each.outcome))
        for refund, outcome in sorted(found, key=_is_failed, reverse=True):
            order = order._with_outcome(order.refund(refund.id) or refund, outcome, now)
        return order._refund_if_not_allowed(payment, now) if found else order

    def _new_refund(self, payment: Payment, reported: ReportedRefund, now: datetime) -> Refund:
        """Return a refund that we do not know: one of ours that was lost, or an external one."""
        known = {each.id: each for each in self.refunds}
        lost = lost_refund(reported, payment, now)
        if lost is not None and lost.id not in known:
            return lost
        external = external_refund(reported.reference, payment, reported.amount, now)
        return known.get(external.id, external)

    def has_room_for(self, refund: Refund) -> bool:
        """Whether the other refunds leave the amount of this one."""
        payment = self.payment(refund.payment_id)
        others = [each for each in self.refunds if each.id != refund.id]
        return not refund.amount.exceeds(refundable(payment, others))

    def _has_other_refund(self, outcome: RefundOutcome, refund: Refund) -> bool:
        """Whether the outcome's reference belongs to another refund of this order."""
        return any(
            each.reference == outcome.reference and each.id != refund.id for each in self.refunds
        )

    def _refund_if_not_allowed(self, payment: Payment, now: datetime) -> Self:
        """Reserve a refund of what is left of a payment that the order may not keep."""
        if payment.status is not PaymentStatus.REVERSED and not self.is_cancelled:
            return self
        refund = automatic_refund(payment, self.refunds, now)
        return self if refund is None else self.with_refund(refund)


def _is_failed(found: tuple[Refund, RefundOutcome]) -> bool:
    return isinstance(found[1], RefundFailed)
