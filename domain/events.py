"""The facts we publish. An event's id is derived from what it tells, so it is the same on every resend."""

from datetime import datetime
from typing import ClassVar, NewType

from attrs import frozen

from domain.dispute import Dispute, DisputeId
from domain.money import Money
from domain.order import OrderId
from domain.payment import ChargeId, Payment, PaymentId
from domain.refund import Refund, RefundId

EventId = NewType("EventId", str)


@frozen
class PaymentCreated:
    """An order has been paid."""

    subject: ClassVar[str] = "payment:created"

    payment_id: PaymentId
    order_id: OrderId
    charge_id: ChargeId
    amount: Money
    gateway: str
    created_at: datetime

    @classmethod
    def of(cls, payment: Payment) -> "PaymentCreated":
        """Tell of a payment that succeeded."""
        if payment.charge_id is None:
            raise ValueError(f"payment {payment.id} was not charged")
        return cls(
            payment_id=payment.id,
            order_id=payment.order_id,
            charge_id=payment.charge_id,
            amount=payment.amount,
            gateway=payment.gateway,
            created_at=payment.created_at,
        )

    @property
    def id(self) -> EventId:
        """One id for ever: a payment succeeds once."""
        return EventId(f"{self.subject}:{self.payment_id}")


@frozen
class PaymentFailed:
    """A payment came to nothing; the order can be paid again."""

    subject: ClassVar[str] = "payment:failed"

    payment_id: PaymentId
    order_id: OrderId
    code: str

    @classmethod
    def of(cls, payment: Payment) -> "PaymentFailed":
        """Tell of a payment that was declined, or never arrived at the gateway."""
        return cls(payment.id, payment.order_id, payment.code or payment.status.value)

    @property
    def id(self) -> EventId:
        """One id for ever: a payment fails once."""
        return EventId(f"{self.subject}:{self.payment_id}")


@frozen
class PaymentRefunded:
    """Money of a payment has been given back."""

    subject: ClassVar[str] = "payment:refunded"

    payment_id: PaymentId
    refund_id: RefundId
    order_id: OrderId
    charge_id: ChargeId
    amount: Money
    reason: str

    @classmethod
    def of(cls, refund: Refund) -> "PaymentRefunded":
        """Tell of a refund that succeeded."""
        return cls(
            payment_id=refund.payment_id,
            refund_id=refund.id,
            order_id=refund.order_id,
            charge_id=refund.charge_id,
            amount=refund.amount,
            reason=refund.reason,
        )

    @property
    def id(self) -> EventId:
        """One id for ever: a refund succeeds once."""
        return EventId(f"{self.subject}:{self.refund_id}")


@frozen
class PaymentDisputed:
    """A customer's bank was asked to take a payment back, or has decided about it."""

    subject: ClassVar[str] = "payment:disputed"

    payment_id: PaymentId
    dispute_id: DisputeId
    order_id: OrderId
    charge_id: ChargeId
    amount: Money
    reason: str
    status: str

    @classmethod
    def of(cls, dispute: Dispute) -> "PaymentDisputed":
        """Tell how a dispute stands."""
        return cls(
            payment_id=dispute.payment_id,
            dispute_id=dispute.id,
            order_id=dispute.order_id,
            charge_id=dispute.charge_id,
            amount=dispute.amount,
            reason=dispute.reason,
            status=dispute.status.value,
        )

    @property
    def id(self) -> EventId:
        """One id for ever: a dispute comes to each of its states once."""
        return EventId(f"{self.subject}:{self.dispute_id}:{self.status}")


Event = PaymentCreated | PaymentFailed | PaymentRefunded | PaymentDisputed
