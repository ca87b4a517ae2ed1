"""What a gateway tells us by itself (webhooks): verified bytes in, what happened in our words out."""

from typing import Protocol

from attrs import frozen

from domain.dispute import DisputeId, DisputeStatus
from domain.money import Money
from domain.payment import ChargeId, Outcome, PaymentId
from domain.refund import RefundId, RefundOutcome


class BadNotice(Exception):
    """The bytes are not surely the gateway's: signature, age or form. Says which, without content."""


@frozen
class PaymentNotice:
    """Something happened to a payment. Without an outcome it only says: look."""

    id: str
    payment_id: PaymentId
    outcome: Outcome | None = None


@frozen
class RefundNotice:
    """Something happened to a refund of ours."""

    id: str
    payment_id: PaymentId
    refund_id: RefundId
    outcome: RefundOutcome


@frozen
class OutsideRefundNotice:
    """Somebody else gives money of a charge back, at the gateway's own pages."""

    id: str
    charge_id: ChargeId
    reference: str
    amount: Money
    outcome: RefundOutcome


@frozen
class DisputeNotice:
    """A customer's bank was asked to take a charge back, or has decided about it."""

    id: str
    charge_id: ChargeId
    dispute_id: DisputeId
    amount: Money
    reason: str
    status: DisputeStatus


@frozen
class OtherNotice:
    """Nothing of ours."""

    id: str


ChargeNotice = OutsideRefundNotice | DisputeNotice
"""What others than we did to a charge; it names nothing of ours but that."""

Notice = PaymentNotice | RefundNotice | ChargeNotice | OtherNotice


class GatewayNotices(Protocol):
    """Reads notices. Promises, checked by tests/contracts/gateway_notices.py on every adapter:
    nothing unverified gets through, and whatever the bytes, nothing but `BadNotice` is raised.
    """

    def read(self, body: bytes, signature: str) -> Notice:
        """Verify and translate a notice.

        Raises:
            BadNotice: it is not surely the gateway's, is too old or from the future.
        """
