"""Payment: one attempt to pay one order, and what the gateway says came of it."""

from datetime import datetime, timedelta
from enum import Enum
from typing import Final, NewType

from attrs import evolve, field, frozen

from domain.errors import DomainError
from domain.money import Money
from domain.order import OrderId, UserId

PaymentId = NewType("PaymentId", str)
ChargeId = NewType("ChargeId", str)
"""The gateway's own name for the money taken (Stripe: `ch_…`); the seed's `stripeId`."""

FIRST_LOOK: Final = timedelta(seconds=5)
"""When recovery first asks after a payment: an ordinary charge is settled well before."""

CHARGE_WINDOW: Final = timedelta(seconds=20)
"""After the claim, no request of ours is under way any more: a charge may start in the first
FIRST_LOOK only and a gateway adapter gives up 15 s after it started."""

ABANDON_AFTER: Final = CHARGE_WINDOW + timedelta(seconds=5)
"""From then on a payment the gateway has no trace of never arrived. The margin is for clocks."""

LOOK_EVERY: Final = timedelta(seconds=10)
"""How long at most until an open payment is looked after again; the contract's 30 s less one
look that hangs until its timeout."""

AUTHENTICATION_WINDOW: Final = timedelta(hours=1)
"""How long a customer may take to prove themselves to the bank before the payment is called off;
well above the quarter of an hour that banks give."""

LATE_LANDING: Final = timedelta(hours=24)
"""How long an abandoned payment is still looked after: as long as Stripe remembers a request
(https://docs.stripe.com/api/idempotent_requests)."""


class PaymentStatus(Enum):
    """The states of a payment; docs/architecture.md draws the transitions."""

    PROCESSING = "processing"
    REQUIRES_ACTION = "requires_action"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ABANDONED = "abandoned"
    """The gateway has no trace of it. A late landing is still adopted, or refunded."""
    UNWANTED = "unwanted"
    """The money was taken, but the order may not have it: it is given back in full."""
    REVIEW = "review"
    """What the gateway took is not what we asked for: a person decides."""


LIVE: Final = frozenset(
    {
        PaymentStatus.PROCESSING,
        PaymentStatus.REQUIRES_ACTION,
        PaymentStatus.SUCCEEDED,
    }
)
"""At most one payment of an order is in one of these."""

CAPTURED: Final = frozenset({PaymentStatus.SUCCEEDED, PaymentStatus.UNWANTED, PaymentStatus.REVIEW})
"""The gateway has taken money for these."""


@frozen
class Charged:
    """The gateway took this money."""

    charge_id: ChargeId
    amount: Money
    livemode: bool
    reference: str | None = None
    """The gateway's name for the attempt where that differs from the charge (Stripe: `pi_…`)."""


@frozen
class Declined:
    """The gateway, or the bank behind it, said no. Nothing was taken and nothing will be."""

    code: str
    reference: str | None = None


@frozen
class RequiresAction:
    """The bank wants to see the customer (3-D Secure); nothing is taken until then.

    The client secret is handed to the customer and kept nowhere.
    """

    reference: str
    client_secret: str = field(repr=False)
    next_action: str = "use_stripe_sdk"
    redirect_url: str | None = field(default=None, repr=False)


@frozen
class NeverArrived:
    """The gateway has no trace of the attempt, and no request of ours can still be on its way."""


Outcome = Charged | Declined | RequiresAction
"""What a gateway may answer. That we do not know is no outcome; it is raised."""

Evidence = Outcome | NeverArrived
"""What a payment can be settled with."""


@frozen
class ContradictoryOutcome(DomainError):
    """The gateway reports two different charges for one payment."""

    payment_id: PaymentId
    settled: ChargeId
    reported: ChargeId


@frozen
class Payment:
    """One attempt to pay one order."""

    id: PaymentId
    order_id: OrderId
    user_id: UserId
    amount: Money
    gateway: str
    livemode: bool
    created_at: datetime
    status: PaymentStatus = PaymentStatus.PROCESSING
    charge_id: ChargeId | None = None
    taken: Money | None = None
    """What the gateway says it took; under review, that is not the amount asked for."""
    reference: str | None = None
    code: str | None = None
    """Why it failed, in the gateway's words; or what a review found."""
    look_at: datetime | None = None
    """When recovery asks the gateway about it next; None when there is nothing left to learn."""

    @property
    def is_live(self) -> bool:
        """Whether it is the one payment that pays its order, or still may."""
        return self.status in LIVE

    @property
    def is_captured(self) -> bool:
        """Whether the gateway has taken the money."""
        return self.status in CAPTURED

    @property
    def is_open(self) -> bool:
        """Whether its end is not known yet."""
        return self.status in (PaymentStatus.PROCESSING, PaymentStatus.REQUIRES_ACTION)

    def may_be_sent(self, now: datetime) -> bool:
        """Whether its charge may still start; a process that slept since the claim must not send it."""
        return now < self.created_at + FIRST_LOOK

    def may_have_arrived(self, now: datetime) -> bool:
        """Whether a request of ours may still be on its way to the gateway."""
        return now < self.created_at + ABANDON_AFTER

    def is_due(self, now: datetime) -> bool:
        """Whether recovery should ask the gateway about it."""
        return self.look_at is not None and self.look_at <= now

    def look_now(self, now: datetime) -> "Payment":
        """Have recovery ask the gateway at its next turn."""
        return evolve(self, look_at=now)

    def look_again(self, now: datetime) -> "Payment":
        """Say when the next look is due, at the beginning of one: the lease on it."""
        age = max(now - self.created_at, timedelta(seconds=2))
        if self.is_open:
            look_at = now + min(age, LOOK_EVERY)
            if self.may_have_arrived(now) and not self.may_have_arrived(look_at):
                look_at = self.created_at + ABANDON_AFTER  # not a moment later than need be
            return evolve(self, look_at=look_at)
        if self.status is PaymentStatus.ABANDONED and age < LATE_LANDING:
            return evolve(self, look_at=now + age)
        return evolve(self, look_at=None)

    def differs_from(self, charged: Charged) -> str | None:
        """In what the charge is not the one asked for: amount, currency or live mode."""
        if charged.amount.currency != self.amount.currency:
            return "currency_mismatch"
        if charged.amount != self.amount:
            return "amount_mismatch"
        return "livemode_mismatch" if charged.livemode != self.livemode else None

    def succeed(self, charged: Charged) -> "Payment":
        """The money is taken and the order has it."""
        return self._captured(charged, PaymentStatus.SUCCEEDED, None)

    def unwant(self, charged: Charged, reason: str) -> "Payment":
        """The money is taken, but the order may not have it."""
        return self._captured(charged, PaymentStatus.UNWANTED, reason)

    def review(self, charged: Charged, found: str) -> "Payment":
        """The money taken is not what was asked for."""
        return self._captured(charged, PaymentStatus.REVIEW, found)

    def fail(self, declined: Declined) -> "Payment":
        """The gateway said no, be it late."""
        if not self.is_open and self.status is not PaymentStatus.ABANDONED:
            return self
        return evolve(
            self,
            status=PaymentStatus.FAILED,
            code=declined.code,
            reference=declined.reference or self.reference,
            look_at=None,
        )

    def require_action(self, action: RequiresAction) -> "Payment":
        """The bank wants to see the customer first."""
        if self.status is PaymentStatus.PROCESSING:
            return evolve(self, status=PaymentStatus.REQUIRES_ACTION, reference=action.reference)
        if self.status is PaymentStatus.ABANDONED:
            return evolve(self, reference=action.reference)
        return self

    def abandon(self) -> "Payment":
        """The gateway knows nothing of it; it is looked after for a while yet, in case it still lands."""
        if not self.is_open:
            return self
        return evolve(
            self, status=PaymentStatus.ABANDONED, look_at=self.created_at + 2 * ABANDON_AFTER
        )

    def _captured(self, charged: Charged, status: PaymentStatus, code: str | None) -> "Payment":
        if self.is_captured:
            if self.charge_id is not None and self.charge_id != charged.charge_id:
                raise ContradictoryOutcome(self.id, self.charge_id, charged.charge_id)
            return self
        return evolve(
            self,
            status=status,
            charge_id=charged.charge_id,
            taken=charged.amount,
            reference=charged.reference or self.reference,
            code=code,
            look_at=None,
        )
