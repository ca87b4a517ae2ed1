"""OrderReviews: how an operator decides about money that was captured differently."""

from datetime import datetime
from enum import Enum
from typing import Final, Self

from attrs import evolve, frozen

from domain.errors import DomainError
from domain.identifiers import PaymentId
from domain.order_decisions import OrderDecisions
from domain.payment import Payment
from domain.payment_status import ORDER_ALREADY_PAID, ORDER_CANCELLED, PaymentStatus

REVIEW_REFUSED: Final = "review_refused"
"""The code of a payment, and the reason of its refund, that an operator did not accept."""


class ReviewDecision(Enum):
    """What an operator decides about a payment in review."""

    ACCEPT = "accept"
    """The order keeps what was captured, and is paid with it."""
    REFUND = "refund"
    """All of it is given back."""


@frozen
class NotInReview(DomainError):
    """There is nothing to decide: no decision is needed, or it was made already."""

    payment_id: PaymentId
    status: PaymentStatus


@frozen
class CannotBeKept(DomainError):
    """The order cannot keep the money, so an operator cannot accept it."""

    payment_id: PaymentId
    because: str
    """`order_cancelled`, `given_back`, or `order_already_paid`: another payment may pay it."""


@frozen
class OrderReviews(OrderDecisions):
    """An order with the rules about payments in review."""

    def decide_review(self, payment_id: PaymentId, decision: ReviewDecision, now: datetime) -> Self:
        """Keep what was captured, or give all of it back.

        Raises:
            PaymentNotFound: the order has no such payment.
            NotInReview: there is nothing to decide.
            CannotBeKept: it cannot be accepted.
        """
        payment = self.payment(payment_id)
        if payment.status is not PaymentStatus.REVIEW:
            raise NotInReview(payment_id, payment.status)
        if decision is ReviewDecision.REFUND:
            refused = payment.refuse_review(REVIEW_REFUSED)
            return self.with_payment(refused)._refund_if_not_allowed(refused, now)
        reason = self._why_not_kept(payment)
        if reason is not None:
            raise CannotBeKept(payment_id, reason)
        kept = self.with_payment(payment.accept_review())
        return evolve(kept, replica=kept.replica.complete())

    def _why_not_kept(self, payment: Payment) -> str | None:
        if self.is_cancelled:
            return ORDER_CANCELLED
        if self.refundable(payment).is_zero:
            return "given_back"
        blocked = any(self.blocks(each) and each.id != payment.id for each in self.payments)
        return ORDER_ALREADY_PAID if blocked else None
