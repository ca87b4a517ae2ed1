"""Refund: part or all of a payment, given back."""

from datetime import datetime, timedelta
from enum import Enum
from typing import Final, NewType

from attrs import evolve, frozen

from domain.money import Money
from domain.order import OrderId
from domain.payment import LOOK_EVERY, ChargeId, PaymentId

RefundId = NewType("RefundId", str)

SEND_LEASE: Final = timedelta(seconds=20)
"""How long the sender of a refund has it to itself: a gateway adapter gives up after 15 s."""

MOST_RETRIES: Final = 10
"""How often money that has to go back is sent again after a refusal, by itself: after 1, 2, 4 …
minutes, 17 hours in all. From then on a person may refund it."""

SETTLEMENT_LOOK: Final = timedelta(hours=1)
"""How often a refund that waits for a bank is asked after; banks take days."""


class RefundStatus(Enum):
    """The states of a refund. What is pending or succeeded is reserved: no other refund may have it."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@frozen
class Refunded:
    """The gateway gave this money back."""

    reference: str
    amount: Money


@frozen
class RefundUnderWay:
    """The gateway has accepted the refund; the bank has not finished it."""

    reference: str


@frozen
class RefundRefused:
    """The gateway did not give the money back, and will not."""

    code: str
    reference: str | None = None


RefundOutcome = Refunded | RefundUnderWay | RefundRefused


@frozen
class Refund:
    """Money of one payment on its way back to the customer."""

    id: RefundId
    payment_id: PaymentId
    order_id: OrderId
    charge_id: ChargeId
    amount: Money
    """What is to be given back; once it is, what the gateway says it gave back."""
    reason: str
    created_at: datetime
    status: RefundStatus = RefundStatus.PENDING
    reference: str | None = None
    """The gateway's name for it (Stripe: `re_…`)."""
    code: str | None = None
    automatic: bool = False
    """Whether the rules themselves give the money back; then a refusal is followed by another one."""
    attempt: int = 0
    """How many automatic refunds of the payment the gateway had refused before this one."""
    look_at: datetime | None = None
    """When recovery sends it, or asks after it, next."""

    @property
    def key(self) -> str:
        """Its idempotency key: the same for every resend."""
        return f"{self.id}:{self.attempt}"

    @property
    def reserves(self) -> bool:
        """Whether its amount is taken from what may still be refunded."""
        return self.status is not RefundStatus.FAILED

    def may_be_sent(self, now: datetime) -> bool:
        """Whether it is still its reserver's to send; afterwards it is recovery's alone."""
        return self.status is RefundStatus.PENDING and now < self.created_at + SEND_LEASE

    def is_due(self, now: datetime) -> bool:
        """Whether recovery should send it or ask after it."""
        return self.look_at is not None and self.look_at <= now

    def look_again(self, now: datetime) -> "Refund":
        """Say when the next try is due, at the beginning of one: the lease on it."""
        if self.status is not RefundStatus.PENDING:
            return evolve(self, look_at=None)
        if self.reference is not None:
            age = max(now - self.created_at, LOOK_EVERY)
            return evolve(self, look_at=now + min(age, SETTLEMENT_LOOK))
        return evolve(self, look_at=now + SEND_LEASE)

    def settle(self, outcome: RefundOutcome) -> "Refund":
        """Record what the gateway did; hearing it twice, or late, changes nothing.

        A refund that succeeded may still fail when the bank sends the money back
        (https://docs.stripe.com/refunds#failed-refunds); one the gateway has failed stays failed,
        as its amount may have been set aside for another refund since.

        The books take the gateway's figure. One in another currency, which no gateway should report
        as it refunds in the charge's own, cannot be reckoned with: then the amount stays what we
        asked for, with the code `currency_mismatch` for a person to see. Money has left, so calling
        it refused would free the amount and give it back twice.
        """
        if self.status is RefundStatus.FAILED:
            return self
        match outcome:
            case Refunded(reference, amount):
                if self.status is RefundStatus.SUCCEEDED:
                    return self
                done = evolve(
                    self, status=RefundStatus.SUCCEEDED, reference=reference, look_at=None
                )
                if amount.currency != self.amount.currency:
                    return evolve(done, code="currency_mismatch")
                return evolve(done, amount=amount)
            case RefundUnderWay(reference):
                if self.status is not RefundStatus.PENDING:
                    return self
                return evolve(self, reference=reference)
            case RefundRefused(code, reference):
                if self.status is RefundStatus.SUCCEEDED and self.reference != reference:
                    return self
                return evolve(
                    self,
                    status=RefundStatus.FAILED,
                    reference=reference or self.reference,
                    code=code,
                    look_at=None,
                )
