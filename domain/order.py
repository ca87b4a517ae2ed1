"""Order: the aggregate root; a replica of the order with its payments, refunds and disputes."""

from datetime import datetime

from attrs import evolve, frozen

from domain.capture import CaptureMode
from domain.check_times import FIRST_CHECK_AFTER
from domain.claim import ExpectedAmount, payable_terms
from domain.identifiers import PaymentId, UserId
from domain.lost_end import end_before
from domain.order_reviews import OrderReviews
from domain.outcome import (
    Approved,
    Authorized,
    Charged,
    Declined,
    Evidence,
    NeverArrived,
    NeverSent,
    Pending,
    Refused,
    RequiresAction,
)
from domain.payment import Payment
from domain.payment_status import (
    CANCELLABLE,
    NOT_SENT,
    ORDER_ALREADY_PAID,
    ORDER_CANCELLED,
    PaymentStatus,
)
from domain.replica import OrderReplica, OrderStatus
from domain.second_charge import second_charge


@frozen
class Order(OrderReviews):
    """An order and the rules about paying for it and giving money back; saved only as a whole.

    Invariants: at most one payment is live, and our refunds of a payment never exceed what was
    captured.
    """

    # --- order events --------------------------------------------------------------------------

    def apply(self, event: OrderReplica, now: datetime) -> "Order":
        """Merge an order event; if the order is cancelled, give captured money back.

        A payment that waits for its customer or its money is checked at once, to be cancelled, and
        what is authorized is released.
        """
        order = evolve(self, replica=self.replica.merge(event))
        if not order.is_cancelled:
            return order if order.replica == self.replica else order._adapt(self.replica, now)
        for payment in order.payments:
            if payment.is_captured:
                order = order._refund_if_not_allowed(payment, now)
            elif payment.status in CANCELLABLE and not self.is_cancelled:
                order = order.with_payment(payment.check_now(now))
            else:
                order = order.with_payment(payment.release(ORDER_CANCELLED, now))
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
        capture_mode: CaptureMode = CaptureMode.AUTOMATIC,
        reference: str | None = None,
    ) -> "Order":
        """Start a payment; it prevents any other one until it has ended without a capture.

        `capture_mode` is for an order that does not say itself when its money is captured;
        `reference` is the gateway's, if it is known before the charge.

        Raises:
            OrderNotFound, NotYourOrder, OrderCancelled, OrderExpired, AlreadyPaid,
            PaymentInProgress, NothingDue, AmountMismatch: see `payable_terms`.
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
                capture_mode=terms.capture or capture_mode,
                reference=reference,
            )
        )

    def settle(self, payment_id: PaymentId, evidence: Evidence, now: datetime) -> "Order":
        """Record the outcome of a payment; a repeated or late report changes nothing more.

        A charge after a decline, or after the customer cancelled the payment, is given back,
        because the customer was informed that nothing was captured. A decline after a charge is
        ignored. A second charge of the payment is recorded as another payment and given back.

        Raises:
            PaymentNotFound: the order has no such payment.
        """
        payment = self.payment(payment_id)
        match evidence:
            case Charged():
                # An authorization was in time; when it is captured is the shop's decision.
                is_authorized = payment.status is PaymentStatus.AUTHORIZED
                paid_at = payment.created_at if is_authorized else now
                return self._capture(payment, evidence, paid_at, now)
            case Authorized():
                return self._authorize(payment, evidence, now, now)
            case Declined() | Refused():
                return self.with_payment(payment.expire(now).fail(evidence))
            case RequiresAction():
                return self.with_payment(payment.require_action(evidence, now))
            case Approved():
                return self._approve(payment, evidence, now)
            case Pending():
                return self._wait_for_money(payment, evidence, now)
            case NeverArrived():
                return self.with_payment(payment.never_arrived(now))
            case NeverSent():
                return self.with_payment(payment.abandon(NOT_SENT))

    def adopt(self, payment: Payment, evidence: Evidence, now: datetime) -> "Order":
        """Record a payment that the gateway knows and that our database has lost.

        `payment` is the payment as it was claimed. The ordinary rules decide whether the order
        keeps it; as its customer may have been told that it succeeded, the order's expiry counts at
        the claim, and what was claimed before it had ended. A payment for which nothing can be
        captured any more is not recorded.
        """
        if any(each.id == payment.id for each in self.payments):
            return self.settle(payment.id, evidence, now)
        match evidence:
            case Charged() if self.payment_of_charge(evidence.charge_id) is None:
                order = self._end_earlier(payment, now)
                return order._capture(payment, evidence, payment.created_at, now)
            case Authorized() if self.payment_of_charge(evidence.charge_id) is None:
                # As after an abandoned one: it is live again unless another one is.
                return self._authorize(payment.abandon(), evidence, payment.created_at, now)
            case RequiresAction() if self.live_payment is None:
                return self.with_payment(payment.require_action(evidence, now).check_now(now))
            case Approved():
                payment = payment if self.live_payment is None else payment.abandon()
                return self._approve(payment, evidence, now)
            case Pending():
                return self._wait_for_money(payment.abandon(), evidence, now)
            case _:
                return self

    def request_cancellation(self, payment_id: PaymentId, now: datetime) -> "Order":
        """Record that the customer cancels a payment; the gateway decides whether it still can.

        It becomes `cancelled` when the gateway reports that nothing was captured. One whose outcome
        is known, or that the gateway decides without its customer, is unchanged.

        Raises:
            PaymentNotFound: the order has no such payment.
        """
        return self.with_payment(self.payment(payment_id).request_cancellation(now))

    def _adapt(self, before: OrderReplica, now: datetime) -> "Order":
        """Adapt the payments to what has changed: an earlier expiry, or a shipment."""
        order, expires_at = self, self.replica.expires_at
        for payment in self.payments:
            if payment.status is PaymentStatus.PENDING and expires_at is not None:
                order = order.with_payment(payment.check_by(max(expires_at, now)))
            elif self.replica.shipment != before.shipment:
                order = order.with_payment(order._capture_shipped(payment, now))
        return order

    def _end_earlier(self, payment: Payment, now: datetime) -> "Order":
        order = self
        for earlier in self.payments:
            order = order.with_payment(end_before(payment, earlier, now))
        return order

    def _authorize(
        self, payment: Payment, authorized: Authorized, paid_at: datetime, now: datetime
    ) -> "Order":
        is_live = self._has_no_other_live(payment)
        reason = payment.mismatch(authorized) or self._reversal_reason(payment, paid_at)
        held = payment.authorize(authorized, now, reason, is_live=is_live)
        if held.status is not payment.status:
            held = self._capture_shipped(held, now)
        return self.with_payment(held)

    def _approve(self, payment: Payment, approved: Approved, now: datetime) -> "Order":
        """Let the money be taken; if the order may not have it, the payment waits to be cancelled.

        The commit of this decides: a later cancellation of the payment or the order is too late.
        """
        waiting = payment.require_action(approved, now)
        if waiting.status is PaymentStatus.ABANDONED:
            return self.with_payment(waiting)
        if waiting.status is PaymentStatus.REQUIRES_ACTION:
            is_refused = self.should_cancel(waiting, now) or self._reversal_reason(waiting, now)
            if is_refused or self.status is OrderStatus.COMPLETE:
                is_due = waiting.is_check_due(now)
                return self.with_payment(waiting if is_due else waiting.check_now(now))
        return self.with_payment(payment.approve(approved, now))

    def _wait_for_money(self, payment: Payment, pending: Pending, now: datetime) -> "Order":
        waiting = payment.wait_for_money(pending, is_live=self._has_no_other_live(payment))
        if waiting.status is not payment.status and self.should_cancel(waiting, now):
            waiting = waiting.check_now(now)
        elif waiting.status is not payment.status or payment.next_check_at is None:
            waiting = self.schedule_check(waiting, now)
        return self.with_payment(waiting)

    def _capture(
        self, payment: Payment, charged: Charged, paid_at: datetime, now: datetime
    ) -> "Order":
        if payment.is_captured:
            return self._reverse_second_charge(payment, charged, now)
        mismatch = payment.mismatch(charged)
        reason = self._reversal_reason(payment, paid_at)
        if mismatch is not None and reason != ORDER_ALREADY_PAID:
            payment = payment.review(charged, mismatch)
        elif reason is not None:
            # Beside another payment, no operator could accept a mismatch, so nobody is asked.
            payment = payment.reverse(charged, mismatch or reason)
        else:
            return self.with_payment(payment.succeed(charged)).complete()
        return self.with_payment(payment)._refund_if_not_allowed(payment, now)

    def _reverse_second_charge(self, first: Payment, charged: Charged, now: datetime) -> "Order":
        if self.payment_of_charge(charged.charge_id) is not None:
            return self
        second = second_charge(first, charged, now)
        return self.with_payment(second)._refund_if_not_allowed(second, now)
