"""Charge attempts as a simulated gateway records them."""

from datetime import datetime
from enum import Enum

from attrs import evolve, frozen

from adapters.gateways.simulated.cards import Card
from domain.identifiers import ChargeId, OrderId
from domain.money import Money
from domain.outcome import Charged, Declined, Outcome, Pending, RequiresAction
from domain.payment import Payment


class AttemptState(Enum):
    """The states of a charge attempt."""

    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    WAITING = "waiting"
    """The customer must authenticate first."""
    PENDING = "pending"
    """The bank has accepted it, and has not paid yet."""


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
    is_debit: bool = False
    """Whether the money came, or comes, later."""
    can_be_cancelled: bool = True
    """Whether it can be cancelled while it is pending."""

    @classmethod
    def of(
        cls, attempt_id: str, payment: Payment, card: Card, livemode: bool, now: datetime
    ) -> "Attempt":
        """Return a new attempt: this card, charged with the amount of the payment."""
        return cls(
            id=attempt_id,
            order_id=payment.order_id,
            amount=payment.amount,
            livemode=livemode,
            created_at=now,
            state=_first_state(card),
            code=card.decline,
            refund_is_pending=card.refund_is_pending,
            captured_at=now if _first_state(card) is AttemptState.SUCCEEDED else None,
            claimed=payment,
            is_debit=card.is_debit,
            can_be_cancelled=card.can_be_cancelled,
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
            case AttemptState.PENDING:
                return Pending(self.reference)

    @property
    def charged_at(self) -> datetime | None:
        """When the gateway created the charge: a debit has one before the money comes."""
        return self.created_at if self.is_debit else self.captured_at

    def mischarged(self, mischarge: Mischarge) -> "Attempt":
        """Return it with another amount and mode than requested."""
        return evolve(self, amount=mischarge.amount, livemode=mischarge.livemode)

    def decide(self, state: AttemptState, code: str | None, now: datetime) -> "Attempt":
        """End the wait for customer or bank; a card that the bank declines cannot succeed."""
        if self.state not in (AttemptState.WAITING, AttemptState.PENDING):
            return self
        if state is AttemptState.SUCCEEDED and self.code is not None:
            return evolve(self, state=AttemptState.DECLINED)
        captured_at = now if state is AttemptState.SUCCEEDED else None
        return evolve(self, state=state, code=code, captured_at=captured_at)


def _first_state(card: Card) -> AttemptState:
    if card.authenticates:
        return AttemptState.WAITING
    if card.is_debit:
        return AttemptState.PENDING
    return AttemptState.DECLINED if card.decline else AttemptState.SUCCEEDED
