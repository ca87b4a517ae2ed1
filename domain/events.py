"""The events we publish. An event's id is derived from its content, so a resend has the same id."""

from datetime import datetime
from typing import ClassVar, NewType

from attrs import frozen

from domain.dispute import Dispute, DisputeStatus
from domain.identifiers import ChargeId, DisputeId, OrderId, PaymentId, RefundId
from domain.money import Money
from domain.payment import Payment
from domain.refund import Refund

EventId = NewType("EventId", str)


@frozen
class _OncePerPayment:
    """An event that happens to a payment at most once."""

    subject: ClassVar[str]

    payment_id: PaymentId
    order_id: OrderId

    @property
    def id(self) -> EventId:
        """The event's id; always the same."""
        return EventId(f"{self.subject}:{self.payment_id}")


@frozen
class PaymentCreated(_OncePerPayment):
    """An order has been paid."""

    subject: ClassVar[str] = "payment:created"

    charge_id: ChargeId
    amount: Money
    gateway: str
    created_at: datetime

    @classmethod
    def of(cls, payment: Payment) -> "PaymentCreated":
        """Return the event of a payment that succeeded.

        Raises:
            ValueError: the payment has no charge.
        """
        if payment.charge_id is None:
            raise ValueError(f"payment {payment.id} was not charged")
        return cls(
            payment_id=payment.id,
            order_id=payment.order_id,
            charge_id=payment.charge_id,
            amount=payment.captured_amount or payment.amount,
            gateway=payment.gateway,
            created_at=payment.created_at,
        )


@frozen
class PaymentPending(_OncePerPayment):
    """The gateway has accepted a payment; its money comes later, or the payment fails."""

    subject: ClassVar[str] = "payment:pending"

    amount: Money
    gateway: str

    @classmethod
    def of(cls, payment: Payment) -> "PaymentPending":
        """Return the event of a payment that became pending."""
        return cls(payment.id, payment.order_id, payment.amount, payment.gateway)


@frozen
class PaymentAuthorized(_OncePerPayment):
    """The gateway holds the money of a payment until it is captured, released, or runs out."""

    subject: ClassVar[str] = "payment:authorized"

    charge_id: ChargeId
    amount: Money
    gateway: str
    expires_at: datetime

    @classmethod
    def of(cls, payment: Payment) -> "PaymentAuthorized":
        """Return the event of a payment that became authorized.

        Raises:
            ValueError: nothing is authorized.
        """
        charge_id, until = payment.charge_id, payment.authorized_until
        if charge_id is None or until is None:
            raise ValueError(f"payment {payment.id} is not authorized")
        return cls(payment.id, payment.order_id, charge_id, payment.amount, payment.gateway, until)


@frozen
class PaymentVoided(_OncePerPayment):
    """The authorization of a payment is released, or has run out."""

    subject: ClassVar[str] = "payment:voided"

    amount: Money
    reason: str

    @classmethod
    def of(cls, payment: Payment) -> "PaymentVoided":
        """Return the event of a payment whose authorization has ended."""
        reason = payment.release_reason or payment.code or payment.status.value
        return cls(payment.id, payment.order_id, payment.amount, reason)


@frozen
class PaymentExpiring(_OncePerPayment):
    """The authorization of a payment runs out soon."""

    subject: ClassVar[str] = "payment:expiring"

    expires_at: datetime

    @classmethod
    def of(cls, payment: Payment) -> "PaymentExpiring":
        """Return the event of a payment that is authorized.

        Raises:
            ValueError: nothing is authorized.
        """
        if payment.authorized_until is None:
            raise ValueError(f"payment {payment.id} is not authorized")
        return cls(payment.id, payment.order_id, payment.authorized_until)


@frozen
class PaymentFailed(_OncePerPayment):
    """A payment has failed; the order can be paid again."""

    subject: ClassVar[str] = "payment:failed"

    code: str

    @classmethod
    def of(cls, payment: Payment) -> "PaymentFailed":
        """Return the event of a payment that was declined, cancelled, or never arrived."""
        return cls(payment.id, payment.order_id, payment.code or payment.status.value)


@frozen
class _OncePerRefund:
    """An event that happens to a refund at most once."""

    subject: ClassVar[str]

    payment_id: PaymentId
    refund_id: RefundId
    order_id: OrderId
    charge_id: ChargeId
    amount: Money

    @property
    def id(self) -> EventId:
        """The event's id; always the same."""
        return EventId(f"{self.subject}:{self.refund_id}")


def _fields_of(refund: Refund) -> tuple[PaymentId, RefundId, OrderId, ChargeId, Money]:
    return refund.payment_id, refund.id, refund.order_id, refund.charge_id, refund.amount


@frozen
class PaymentRefunded(_OncePerRefund):
    """Money of a payment has been given back."""

    subject: ClassVar[str] = "payment:refunded"

    reason: str

    @classmethod
    def of(cls, refund: Refund) -> "PaymentRefunded":
        """Return the event of a refund that succeeded."""
        return cls(*_fields_of(refund), refund.reason)


@frozen
class PaymentRefundFailed(_OncePerRefund):
    """Money of a payment that was announced as refunded, or should be refunded, is not back."""

    subject: ClassVar[str] = "payment:refund_failed"

    code: str

    @classmethod
    def of(cls, refund: Refund) -> "PaymentRefundFailed":
        """Return the event of a refund that has failed."""
        return cls(*_fields_of(refund), refund.code or refund.status.value)


@frozen
class PaymentDisputed:
    """A dispute about a payment was opened or decided."""

    subject: ClassVar[str] = "payment:disputed"

    payment_id: PaymentId
    dispute_id: DisputeId
    order_id: OrderId
    charge_id: ChargeId
    amount: Money
    reason: str
    status: str
    due_by: datetime | None = None
    """Until when the gateway awaits evidence; None if it awaits none, or has not said."""

    @classmethod
    def of(cls, dispute: Dispute, due_by: datetime | None = None) -> "PaymentDisputed":
        """Return the event of a dispute in its current state."""
        return cls(
            payment_id=dispute.payment_id,
            dispute_id=dispute.id,
            order_id=dispute.order_id,
            charge_id=dispute.charge_id,
            amount=dispute.amount,
            reason=dispute.reason,
            status=dispute.status.value,
            due_by=due_by if dispute.status is DisputeStatus.OPEN else None,
        )

    @property
    def id(self) -> EventId:
        """The event's id; one for each state, because a dispute reaches each of its states once."""
        return EventId(f"{self.subject}:{self.dispute_id}:{self.status}")


Event = (
    PaymentCreated
    | PaymentPending
    | PaymentAuthorized
    | PaymentExpiring
    | PaymentVoided
    | PaymentFailed
    | PaymentRefunded
    | PaymentRefundFailed
    | PaymentDisputed
)
