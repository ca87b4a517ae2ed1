"""OrderDecisions: what the state of an order means for each of its payments."""

from datetime import datetime

from attrs import frozen

from domain.check_times import AUTHENTICATION_WINDOW
from domain.order_captures import OrderCaptures
from domain.payment import Payment
from domain.payment_status import (
    CANCELLABLE,
    CANCELLED_BY_CUSTOMER,
    ORDER_ALREADY_PAID,
    ORDER_CANCELLED,
    PaymentStatus,
)
from domain.refund_rules import is_given_back


@frozen
class OrderDecisions(OrderCaptures):
    """An order with the rules about which payment it keeps, and which it has cancelled."""

    @property
    def live_payment(self) -> Payment | None:
        """The payment that prevents another one."""
        return next((payment for payment in self.payments if self.blocks(payment)), None)

    def blocks(self, payment: Payment) -> bool:
        """Whether this payment prevents another one.

        A payment in review does so until all of it is given back: the bank may reject a refund that
        is only reserved. It is not live: an order may have a live payment and one in review.
        """
        if payment.status is PaymentStatus.REVIEW:
            return not is_given_back(payment, self.refunds)
        return payment.is_live

    def should_cancel(self, payment: Payment, now: datetime) -> bool:
        """Whether a payment should be cancelled at the gateway, which releases what is authorized.

        It waits for its customer or its money, or it is authorized and the money is not wanted.
        """
        if payment.status is PaymentStatus.ABANDONED:
            return payment.is_known_at_gateway
        if payment.is_being_released or payment.has_stray_hold:
            return True
        is_late = now >= payment.created_at + AUTHENTICATION_WINDOW
        return payment.status in CANCELLABLE and (
            payment.is_being_cancelled
            or self.is_cancelled
            or self.replica.is_expired(now)
            or (payment.status is PaymentStatus.REQUIRES_ACTION and is_late)
        )

    def schedule_check(self, payment: Payment, now: datetime) -> Payment:
        """Set the time of the following check; a pending payment is checked at the expiry, too.

        An authorization that has run out is released, but not while it is being captured: the
        gateway says what came first.
        """
        payment = payment.expire(now) if payment.waits_for_capture else payment
        scheduled, expires_at = payment.schedule_check(now), self.replica.expires_at
        if payment.status is not PaymentStatus.PENDING or expires_at is None or expires_at <= now:
            return scheduled
        return scheduled.check_by(expires_at)

    def _has_no_other_live(self, payment: Payment) -> bool:
        """Whether no other payment of the order is live."""
        return all(not other.is_live or other.id == payment.id for other in self.payments)

    def _reversal_reason(self, payment: Payment, paid_at: datetime) -> str | None:
        """Return why the order may not keep a payment that was just captured, or None."""
        if self.is_cancelled:
            return ORDER_CANCELLED
        if any(self.blocks(other) and other.id != payment.id for other in self.payments):
            return ORDER_ALREADY_PAID
        if self.replica.is_expired(paid_at):
            return "order_expired"
        if payment.is_voided or (payment.is_being_released and not payment.has_run_out):
            return payment.code
        if payment.status is PaymentStatus.CANCELLED:
            return CANCELLED_BY_CUSTOMER
        return "declined_before" if payment.status is PaymentStatus.FAILED else None
