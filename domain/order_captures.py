"""OrderCaptures: how authorized money of an order's payments is captured or released."""

from datetime import datetime
from typing import Final, Self

from attrs import frozen

from domain.capture import (
    BeingCaptured,
    BeingReleased,
    CaptureCurrencyMismatch,
    CaptureExceedsAuthorization,
    NotAuthorized,
)
from domain.identifiers import PaymentId
from domain.money import Money
from domain.order_refunds import OrderRefunds
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from domain.refund import SEND_LEASE

VOIDED: Final = "voided"
"""The code of an authorization that an operator releases; their reason is not a code."""


@frozen
class OrderCaptures(OrderRefunds):
    """An order with the rules about capturing and releasing what is authorized."""

    def request_capture(
        self,
        payment_id: PaymentId,
        minor_units: int | None,
        now: datetime,
        currency: str | None = None,
    ) -> Self:
        """Record that an authorization is to be captured; all of it if no amount is given.

        The rest is released with it. Repeating the request changes nothing, also after it was
        captured.

        Raises:
            PaymentNotFound: the order has no such payment.
            NotAuthorized, BeingReleased: there is nothing to capture.
            BeingCaptured: another amount is being captured.
            CaptureExceedsAuthorization: the amount is zero, or more than is authorized.
            CaptureCurrencyMismatch: `currency` is given, and not the payment's.
        """
        payment = self.payment(payment_id)
        if currency is not None and currency.lower() != payment.amount.currency.code:
            raise CaptureCurrencyMismatch(payment_id, payment.amount)
        wanted = payment.amount.minor_units if minor_units is None else minor_units
        if not 0 < wanted <= payment.amount.minor_units:
            raise CaptureExceedsAuthorization(payment_id, payment.amount)
        amount = Money(wanted, payment.amount.currency)
        has_captured = payment.status is PaymentStatus.SUCCEEDED and payment.capture_attempt > 0
        if has_captured and payment.captured_amount == amount:
            return self
        if payment.status is not PaymentStatus.AUTHORIZED:
            raise NotAuthorized(payment_id, payment.status)
        if payment.is_being_released:
            raise BeingReleased(payment_id)
        if payment.requested_capture not in (None, amount):
            raise BeingCaptured(payment_id)
        requested = payment.request_capture(amount, now)
        return self.with_payment(requested.send_capture_until(now + SEND_LEASE))

    def void(self, payment_id: PaymentId, reason: str, now: datetime) -> Self:
        """Record that an operator releases an authorization; repeating it changes nothing.

        Raises:
            PaymentNotFound: the order has no such payment.
            NotAuthorized: there is nothing to release.
            BeingCaptured: it is being captured; a refund gives it back.
        """
        payment = self.payment(payment_id)
        if payment.is_voided:
            return self
        if payment.status is not PaymentStatus.AUTHORIZED:
            raise NotAuthorized(payment_id, payment.status)
        if payment.requested_capture is not None:
            raise BeingCaptured(payment_id)
        return self.with_payment(payment.release(VOIDED, now, None if reason == VOIDED else reason))

    def fail_capture(self, sent: Payment, now: datetime) -> Self:
        """Record that the gateway has refused a capture; a report about another one is ignored.

        A newer shipment that came meanwhile is captured then, if it can be.

        Raises:
            PaymentNotFound: the order has no such payment.
        """
        payment = self.payment(sent.id)
        if payment.capture_key != sent.capture_key:
            return self
        return self.with_payment(payment.fail_capture(now))

    def _capture_shipped(self, payment: Payment, now: datetime) -> Payment:
        """Capture an authorization if `order:shipped` was received.

        More than is authorized is requested as well, unless something else is: it is refused
        without asking the gateway, so that an operator learns of it.
        """
        shipment = self.replica.shipment
        if shipment is None:
            return payment
        units = shipment.minor_units
        amount = payment.amount if units is None else Money(units, payment.amount.currency)
        return payment.capture_shipped(amount, now)
