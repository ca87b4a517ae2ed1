"""Charge attempts as a simulated gateway records them."""

from datetime import datetime, timedelta
from enum import Enum
from typing import Final
from urllib.parse import urlencode, urljoin

from attrs import evolve, field, frozen

from adapters.gateways.simulated.cards import Card
from domain.capture import CaptureMode
from domain.identifiers import ChargeId, OrderId
from domain.money import Money
from domain.outcome import Authorized, Charged, Declined, Outcome, Pending, RequiresAction
from domain.payment import Payment

AUTHORIZED_FOR: Final = timedelta(days=7)
"""How long a card's money is held (https://docs.stripe.com/payments/place-a-hold-on-a-payment-method).
"""

EXPIRED: Final = "authorization_expired"
"""The code of an attempt whose authorization has run out."""

RETURNED_DEBIT: Final = "debit_not_authorized"
"""The code of a debit that its bank has returned; no card has it
(https://docs.stripe.com/payments/ach-direct-debit)."""


class AttemptState(Enum):
    """The states of a charge attempt."""

    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    WAITING = "waiting"
    """The customer must authenticate first."""
    PENDING = "pending"
    """The bank has accepted it, and has not paid yet."""
    AUTHORIZED = "authorized"
    """The bank holds the money until it is captured or released."""


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
    authorized_at: datetime | None = None
    return_url: str | None = field(default=None, repr=False)
    """Where the bank's page sends the customer; None if the customer is not redirected."""
    is_voucher: bool = False
    session: str | None = None
    """The token of the session that it was made with."""

    @classmethod
    def of(
        cls,
        attempt_id: str,
        payment: Payment,
        card: Card,
        livemode: bool,
        now: datetime,
        return_url: str | None = None,
    ) -> "Attempt":
        """Return a new attempt: this card, charged with the amount of the payment."""
        state = _first_state(card, payment)
        return cls(
            id=attempt_id,
            order_id=payment.order_id,
            amount=payment.amount,
            livemode=livemode,
            created_at=now,
            state=state,
            code=card.decline,
            refund_is_pending=card.refund_is_pending,
            captured_at=now if state is AttemptState.SUCCEEDED else None,
            claimed=payment,
            is_debit=card.is_debit,
            can_be_cancelled=card.can_be_cancelled,
            authorized_at=now if state is AttemptState.AUTHORIZED else None,
            return_url=return_url if card.redirects else None,
            is_voucher=card.is_voucher,
        )

    @property
    def charge_id(self) -> ChargeId:
        """The identifier of the captured money."""
        return ChargeId(f"ch_{self.id}")

    @property
    def reference(self) -> str:
        """The identifier of the attempt; its session's, if it has one."""
        return self.session or f"pi_{self.id}"

    @property
    def outcome(self) -> Outcome:
        """What the gateway reports about it."""
        match self.state:
            case AttemptState.SUCCEEDED:
                return Charged(self.charge_id, self.amount, self.livemode, self.reference)
            case AttemptState.DECLINED:
                return Declined(self.code or "generic_decline", self.reference)
            case AttemptState.WAITING:
                return self._action("use_stripe_sdk")
            case AttemptState.PENDING:
                action = self._action("oxxo_display_details") if self.is_voucher else None
                return Pending(self.reference, action=action)
            case AttemptState.AUTHORIZED:
                until = self.authorized_until
                return Authorized(self.charge_id, self.amount, self.livemode, until, self.reference)

    def _action(self, kind: str) -> RequiresAction:
        """Return what the customer must do: with this, or on the bank's page.

        There is a bank only for the page that the customer returns to: it is at the same origin.
        """
        secret = f"{self.reference}_secret_{self.id}"
        if self.return_url is None or self.claimed is None:
            return RequiresAction(self.reference, secret, kind)
        query = urlencode({"payment": self.claimed.id, "returnUrl": self.return_url})
        page = f"{urljoin(self.return_url, '/bank')}?{query}"
        return RequiresAction(self.reference, secret, "redirect_to_url", page)

    @property
    def authorized_until(self) -> datetime:
        """When the bank releases the money that it holds."""
        return (self.authorized_at or self.created_at) + AUTHORIZED_FOR

    @property
    def charged_at(self) -> datetime | None:
        """When the gateway created the charge: a debit has one before the money comes."""
        return self.created_at if self.is_debit else self.authorized_at or self.captured_at

    def mischarged(self, mischarge: Mischarge) -> "Attempt":
        """Return it with another amount and mode than requested."""
        return evolve(self, amount=mischarge.amount, livemode=mischarge.livemode)

    def decide(self, state: AttemptState, code: str | None, now: datetime) -> "Attempt":
        """End the wait for customer or bank; a card that the bank declines cannot succeed."""
        if self.state not in (AttemptState.WAITING, AttemptState.PENDING):
            return self
        if state is AttemptState.SUCCEEDED and self.code is not None:
            return evolve(self, state=AttemptState.DECLINED)
        if state is AttemptState.SUCCEEDED and self.is_manual:
            return evolve(self, state=AttemptState.AUTHORIZED, code=code, authorized_at=now)
        captured_at = now if state is AttemptState.SUCCEEDED else None
        return evolve(self, state=state, code=code, captured_at=captured_at)

    @property
    def is_manual(self) -> bool:
        """Whether its money is captured later; a debit is always captured at once."""
        is_manual = self.claimed is not None and self.claimed.capture_mode is CaptureMode.MANUAL
        return is_manual and not self.is_debit

    def expire(self, now: datetime) -> "Attempt":
        """Release the money if its authorization has run out."""
        if self.state is not AttemptState.AUTHORIZED or now < self.authorized_until:
            return self
        return evolve(self, state=AttemptState.DECLINED, code=EXPIRED)

    def capture(self, amount: Money, now: datetime) -> "Attempt":
        """Capture this much of the money that is held; the rest is released."""
        return evolve(self, state=AttemptState.SUCCEEDED, amount=amount, captured_at=now)

    def release(self) -> "Attempt":
        """Release the money that is held."""
        if self.state is not AttemptState.AUTHORIZED:
            return self
        return evolve(self, state=AttemptState.DECLINED, code="canceled")


def _first_state(card: Card, payment: Payment) -> AttemptState:
    if card.authenticates:
        return AttemptState.WAITING
    if card.is_debit:
        return AttemptState.PENDING
    if card.decline:
        return AttemptState.DECLINED
    is_manual = payment.capture_mode is CaptureMode.MANUAL
    return AttemptState.AUTHORIZED if is_manual else AttemptState.SUCCEEDED
