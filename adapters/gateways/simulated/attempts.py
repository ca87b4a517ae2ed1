"""Charge attempts as a simulated gateway records them."""

from datetime import datetime
from enum import Enum

from attrs import evolve, frozen

from adapters.gateways.simulated.cards import Card
from domain.identifiers import ChargeId, OrderId
from domain.money import Money
from domain.outcome import Charged, Declined, Outcome, RequiresAction
from domain.payment import Payment


class AttemptState(Enum):
    """The states of a charge attempt."""

    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    WAITING = "waiting"
    """The customer must authenticate first."""


@frozen
class Mischarge:
    """What the gateway charges by mistake instead of the requested amount."""

    amount: Money
    livemode: bool


@frozen
class Attempt:
    """One attempt to charge a card."""

    id: str
    order_id: OrderId
    amount: Money
    livemode: bool
    created_at: datetime
    state: AttemptState
    code: str | None = None
    """Why it was declined; while it waits, the code of the decline after authentication."""
    refund_is_pending: bool = False
    captured_at: datetime | None = None
    claimed: Payment | None = None
    """The payment that it was made for, as the labels of a real gateway's charge describe it."""

    @classmethod
    def of(
        cls, attempt_id: str, payment: Payment, card: Card, livemode: bool, now: datetime
    ) -> "Attempt":
        """Return a new attempt: this card, charged with the amount of the payment."""
        decided = AttemptState.DECLINED if card.decline else AttemptState.SUCCEEDED
        return cls(
            id=attempt_id,
            order_id=payment.order_id,
            amount=payment.amount,
            livemode=livemode,
            created_at=now,
            state=AttemptState.WAITING if card.authenticates else decided,
            code=card.decline,
            refund_is_pending=card.refund_is_pending,
            captured_at=None if card.decline or card.authenticates else now,
            claimed=payment,
        )

    @property
    def charge_id(self) -> ChargeId:
        """The identifier of the captured money."""
        return ChargeId(f"ch_{self.id}")

    @property
    def reference(self) -> str:
        """The identifier of the attempt."""
        return f"pi_{self.id}"

    @property
    def outcome(self) -> Outcome:
        """What the gateway reports about it."""
        match self.state:
            case AttemptState.SUCCEEDED:
                return Charged(self.charge_id, self.amount, self.livemode, self.reference)
            case AttemptState.DECLINED:
                return Declined(self.code or "generic_decline", self.reference)
            case AttemptState.WAITING:
                return RequiresAction(self.reference, f"{self.reference}_secret_{self.id}")

    def mischarged(self, mischarge: Mischarge) -> "Attempt":
        """Return it with another amount and mode than requested."""
        return evolve(self, amount=mischarge.amount, livemode=mischarge.livemode)

    def decide(self, state: AttemptState, code: str | None, now: datetime) -> "Attempt":
        """End the wait for the customer; a card that the bank declines cannot succeed."""
        if self.state is not AttemptState.WAITING:
            return self
        if state is AttemptState.SUCCEEDED and self.code is not None:
            return evolve(self, state=AttemptState.DECLINED)
        captured_at = now if state is AttemptState.SUCCEEDED else None
        return evolve(self, state=state, code=code, captured_at=captured_at)
