"""Order: the aggregate root; a replica of the order with its payments, refunds and disputes."""

from datetime import datetime

from attrs import evolve, frozen

from domain.claim import ExpectedAmount, payable_terms
from domain.dispute import Dispute, DisputeStatus
from domain.identifiers import ChargeId, DisputeId, PaymentId, RefundId, UserId
from domain.money import Money
from domain.order_entities import OrderEntities
from domain.outcome import Charged, Declined, Evidence, NeverArrived, Refused, RequiresAction
from domain.payment import AUTHENTICATION_WINDOW, FIRST_CHECK_AFTER, Payment, PaymentStatus
from domain.refund import Refund, Refunded, RefundFailed, RefundOutcome
from domain.refund_rules import automatic_refund, external_refund, refundable, requested_refund
from domain.replica import OrderReplica


@frozen
class Order(OrderEntities):
    """An order and the rules about paying for it and giving money back; saved only as a whole.

    Invariants: at most one payment is live, and our refunds of a payment never exceed what was
    captured.
    """

    @property
    def live_payment(self) -> Payment | None:
        """The payment that prevents another one."""
        return next((payment for payment in self.payments if self.blocks(payment)), None)

    def blocks(self, payment: Payment) -> bool:
        """Whether this payment prevents another one.

        A payment in review does so until all of it is given back. It is not live: an order may have
        a live payment and one in review.
        """
        if payment.status is PaymentStatus.REVIEW:
            return not self.refundable(payment).is_zero
        return payment.is_live

    def refundable(self, payment: Payment) -> Money:
        """Return the captured amount that no refund has reserved yet."""
        return refundable(payment, self.refunds)

    # --- order events --------------------------------------------------------------------------

    def apply(self, event: OrderReplica, now: datetime) -> "Order":
        """Merge an order event; if the order is cancelled, give captured money back.

        A payment that waits for its customer is checked at once, so that it can be cancelled.
        """
        order = evolve(self, replica=self.replica.merge(event))
        if not order.is_cancelled:
            return order
        for payment in order.payments:
            if payment.is_captured:
                order = order._refund_if_not_allowed(payment, now)
            elif payment.status is PaymentStatus.REQUIRES_ACTION and not self.is_cancelled:
                order = order.with_payment(payment.check_now(now))
        return order

    def complete(self) -> "Order":
        """Mark the order as paid. A cancelled order stays cancelled."""
        return evolve(self, replica=self.replica.complete())

    # --- payments ------------------------------------------------------------------------------

    def claim(
        self,
        payment_id: PaymentId,
        payer: UserId,
        expected: ExpectedAmount,
        gateway: str,
        livemode: bool,
        now: datetime,
    ) -> "Order":
        """Start a payment; it prevents any other one until it has ended without a capture.

        Raises:
            OrderNotFound, NotYourOrder, OrderCancelled, OrderExpired, AlreadyPaid,
            PaymentInProgress, AmountMismatch: see `payable_terms`.
        """
        if any(payment.id == payment_id for payment in self.payments):
            return self  # the claim was committed, only its confirmation was lost
        terms = payable_terms(self.replica, self.live_payment, payer, expected, now)
        return self.with_payment(
            Payment(
                id=payment_id,
                order_id=self.id,
                user_id=payer,
                amount=terms.price,
                gateway=gateway,
                livemode=livemode,
                created_at=now,
                next_check_at=now + FIRST_CHECK_AFTER,
            )
        )

    def settle(self, payment_id: PaymentId, evidence: Evidence, now: datetime) -> "Order":
        """Record the outcome of a payment; a repeated or late report changes nothing more.

        A charge after a decline is given back, because the customer has been informed that the
        payment failed. A decline after a charge is ignored.

        Raises:
            PaymentNotFound: the order has no such payment.
            ContradictoryOutcome: the gateway reports two charges for the payment.
        """
        payment = self.payment(payment_id)
        match evidence:
            case Charged():
                return self._capture(payment, evidence, now)
            case Declined() | Refused():
                return self.with_payment(payment.fail(evidence))
            case RequiresAction():
                return self.with_payment(payment.require_action(evidence))
            case NeverArrived():
                return self.with_payment(payment.abandon())

    def should_cancel(self, payment: Payment, now: datetime) -> bool:
        """Whether a payment that waits for its customer should be cancelled at the gateway."""
        if payment.status is PaymentStatus.ABANDONED:
            return payment.reference is not None
        return payment.status is PaymentStatus.REQUIRES_ACTION and (
            self.is_cancelled
            or self.replica.is_expired(now)
            or now >= payment.created_at + AUTHENTICATION_WINDOW
        )

    def _capture(self, payment: Payment, charged: Charged, now: datetime) -> "Order":
        if payment.is_captured:
            return self.with_payment(payment.succeed(charged))
        mismatch = payment.mismatch(charged)
        reason = self._reversal_reason(payment, now)
        if mismatch is not None:
            payment = payment.review(charged, mismatch)
        elif reason is not None:
            payment = payment.reverse(charged, reason)
        else:
            return self.with_payment(payment.succeed(charged)).complete()
        return self.with_payment(payment)._refund_if_not_allowed(payment, now)

    def _reversal_reason(self, payment: Payment, now: datetime) -> str | None:
        """Return why the order may not keep a payment that was just captured, or None."""
        if self.is_cancelled:
            return "order_cancelled"
        if any(self.blocks(other) and other.id != payment.id for other in self.payments):
            return "order_already_paid"
        if self.replica.is_expired(now):
            return "order_expired"
        return "declined_before" if payment.status is PaymentStatus.FAILED else None

    # --- refunds -------------------------------------------------------------------------------

    def reserve_refund(
        self,
        refund_id: RefundId,
        payment_id: PaymentId,
        minor_units: int | None,
        reason: str,
        now: datetime,
    ) -> "Order":
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

    def settle_refund(self, refund_id: RefundId, outcome: RefundOutcome, now: datetime) -> "Order":
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
    ) -> "Order":
        """Record a refund that was started outside this service.

        While it is pending, recovery checks it like one of ours, but never sends it.
        """
        payment = next((each for each in self.payments if each.charge_id == charge_id), None)
        if payment is None:
            return self
        refund = next((each for each in self.refunds if each.reference == reference), None)
        if refund is None:
            refund = external_refund(reference, payment, amount, now)
        return self.with_refund(refund).settle_refund(refund.id, outcome, now)

    def _has_other_refund(self, reference: str, refund: Refund) -> bool:
        """Whether the gateway's reference belongs to another refund of this order."""
        return any(each.reference == reference and each.id != refund.id for each in self.refunds)

    def _refund_if_not_allowed(self, payment: Payment, now: datetime) -> "Order":
        """Reserve a refund of what is left of a payment that the order may not keep."""
        if payment.status is PaymentStatus.REVERSED:
            reason = payment.code or "reversed"
        elif self.is_cancelled:
            reason = "order_cancelled"
        else:
            return self
        refund = automatic_refund(payment, self.refunds, reason, now)
        return self if refund is None else self.with_refund(refund)

    # --- disputes ------------------------------------------------------------------------------

    def record_dispute(
        self,
        dispute_id: DisputeId,
        charge_id: ChargeId,
        amount: Money,
        reason: str,
        status: DisputeStatus,
    ) -> "Order":
        """Record the state of a dispute about one of its payments."""
        existing = self.dispute(dispute_id)
        if existing is not None:
            return self.with_dispute(existing.apply(status))
        payment = next((each for each in self.payments if each.charge_id == charge_id), None)
        if payment is None:
            return self
        dispute = Dispute(dispute_id, payment.id, self.id, charge_id, amount, reason, status)
        return self.with_dispute(dispute)
