"""All that a gateway keeps about one payment, and its rules: what Stripe would do."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import Enum
from typing import Final, TypeVar

from attrs import evolve, frozen

from adapters.gateways.card_tokens import CARDS, Card
from application.ports.payment_gateway import CardToken, OutcomeUnknown
from domain.identifiers import ChargeId, OrderId, RefundId
from domain.money import Money
from domain.outcome import Charged, Declined, Outcome, RequiresAction
from domain.payment import Payment
from domain.refund import Refund, Refunded, RefundFailed, RefundOutcome, RefundPending

Answer = TypeVar("Answer")

# https://docs.stripe.com/api/idempotent_requests: "keys can be removed … after 24 hours".
KEYS_KEPT: Final = timedelta(hours=24)

_ALREADY_BACK: Final = "charge_already_refunded"  # https://docs.stripe.com/error-codes


class AttemptState(Enum):
    """How far an attempt to charge has come."""

    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    WAITING = "waiting"
    """For the customer to prove themselves to the bank."""


class RefundState(Enum):
    """How far a refund has come."""

    SUCCEEDED = "succeeded"
    PENDING = "pending"
    FAILED = "failed"


@frozen
class Attempt:
    """One attempt to charge, as the gateway sees it."""

    name: str
    order_id: OrderId
    amount: Money
    livemode: bool
    created_at: datetime
    state: AttemptState
    code: str | None = None
    """Why it was declined; while it waits, what the bank will say once it has seen the customer."""
    refund_waits: bool = False

    @property
    def charge_id(self) -> ChargeId:
        """The name of the money taken."""
        return ChargeId(f"ch_{self.name}")

    @property
    def reference(self) -> str:
        """The name of the attempt."""
        return f"pi_{self.name}"

    @property
    def outcome(self) -> Outcome:
        """What the gateway says of it."""
        match self.state:
            case AttemptState.SUCCEEDED:
                return Charged(self.charge_id, self.amount, self.livemode, self.reference)
            case AttemptState.DECLINED:
                return Declined(self.code or "generic_decline", self.reference)
            case AttemptState.WAITING:
                return RequiresAction(self.reference, f"{self.reference}_secret_{self.name}")


@frozen
class RefundRecord:
    """Money given back, as the gateway sees it. Without a key, by another hand than ours."""

    reference: str
    charge_id: ChargeId
    amount: Money
    state: RefundState
    key: str | None = None
    refund_id: RefundId | None = None

    @property
    def outcome(self) -> RefundOutcome:
        """What the gateway says of it."""
        match self.state:
            case RefundState.SUCCEEDED:
                return Refunded(self.reference, self.amount)
            case RefundState.PENDING:
                return RefundPending(self.reference)
            case RefundState.FAILED:
                return RefundFailed("expired_or_canceled_card", self.reference)


@frozen
class Remembered:
    """The first answer to an idempotency key: a reference, a refusal, or (neither) a 500."""

    key: str
    fingerprint: str
    at: datetime
    reference: str | None = None
    state: str | None = None
    code: str | None = None

    @property
    def is_error(self) -> bool:
        """Whether the gateway failed with a 500, which it gives again for ever."""
        return self.reference is None and self.code is None


@frozen
class Mischarge:
    """What the gateway is going to charge in error, instead of what it is asked for."""

    amount: Money
    livemode: bool


@frozen
class GatewayRecord:
    """All that the gateway keeps about one payment; a change is a new value."""

    attempts: tuple[Attempt, ...] = ()
    refunds: tuple[RefundRecord, ...] = ()
    remembered: tuple[Remembered, ...] = ()
    mischarge: Mischarge | None = None

    # --- taking --------------------------------------------------------------------------------

    def charge(
        self,
        key: str,
        payment: Payment,
        token: CardToken,
        name: str,
        livemode: bool,
        now: datetime,
    ) -> tuple["GatewayRecord", Outcome]:
        """Charge once for each key.

        Raises:
            OutcomeUnknown: the key's first answer was a 500, or its first request another one.
        """
        fingerprint = _fingerprint(payment.id, token.value, str(payment.amount))
        first = self._first(key, fingerprint, now)
        if first is not None:
            return self, self._outcome_again(first)
        card = CARDS.get(token.value)
        if card is None:
            return self, Declined("resource_missing")
        if payment.amount.is_zero:
            return self, Declined("amount_too_small")
        attempt = _attempt(payment, card, name, livemode, now)
        if self.mischarge is not None:
            attempt = evolve(
                attempt, amount=self.mischarge.amount, livemode=self.mischarge.livemode
            )
        answer = Remembered(key, fingerprint, now, attempt.reference, attempt.state.value)
        made = evolve(self._remembering(answer), attempts=(*self.attempts, attempt), mischarge=None)
        return made, attempt.outcome

    def find(self) -> tuple["GatewayRecord", Outcome | None]:
        """Say what became of the payment: the money taken, or else the last attempt."""
        attempt = self.charged or (self.attempts[-1] if self.attempts else None)
        return self, attempt.outcome if attempt else None

    def cancel(self) -> tuple["GatewayRecord", Outcome | None]:
        """Call off what still waits for the customer."""
        return self._decide_waiting(AttemptState.DECLINED, "canceled").find()

    def complete_authentication(self, succeeded: bool) -> tuple["GatewayRecord", Outcome | None]:
        """The customer came back from the bank; without anything waiting, nothing changes."""
        if not succeeded:
            # The code of https://docs.stripe.com/error-codes#payment-intent-authentication-failure.
            code = "payment_intent_authentication_failure"
            return self._decide_waiting(AttemptState.DECLINED, code).find()
        return self._decide_waiting(AttemptState.SUCCEEDED, None).find()

    @property
    def charged(self) -> Attempt | None:
        """The attempt that took the money."""
        return next((each for each in self.attempts if each.state is AttemptState.SUCCEEDED), None)

    # --- giving back ---------------------------------------------------------------------------

    def refund(
        self, refund: Refund, name: str, now: datetime
    ) -> tuple["GatewayRecord", RefundOutcome]:
        """Give back once for each key, and never more than was taken.

        Raises:
            OutcomeUnknown: the key's first request was another one.
        """
        fingerprint = _fingerprint(refund.id, refund.charge_id, str(refund.amount))
        first = self._first(refund.key, fingerprint, now)
        if first is not None:
            return self, self._refund_outcome_again(first, refund)
        attempt = self._attempt_of(refund.charge_id)
        if attempt is None:
            return self, RefundFailed("resource_missing")
        left = self.left(attempt)
        if left.currency != refund.amount.currency or refund.amount.exceeds(left):
            code = _ALREADY_BACK if left.is_zero else "amount_too_large"
            known = self._remembering(Remembered(refund.key, fingerprint, now, code=code))
            return known, self._refused(code, refund)
        refunds = RefundRecord(
            reference=f"re_{name}",
            charge_id=attempt.charge_id,
            amount=refund.amount,
            state=RefundState.PENDING if attempt.refund_waits else RefundState.SUCCEEDED,
            key=refund.key,
            refund_id=refund.id,
        )
        answer = Remembered(refund.key, fingerprint, now, refunds.reference, refunds.state.value)
        made = evolve(self._remembering(answer), refunds=(*self.refunds, refunds))
        return made, refunds.outcome

    def find_refund(self, refund: Refund) -> tuple["GatewayRecord", RefundOutcome | None]:
        """Say what became of the refund of that name or, while it has none, of its current attempt."""
        for refunds in self.refunds:
            known = refund.reference is not None
            if refunds.reference == refund.reference if known else refunds.key == refund.key:
                return self, refunds.outcome
        return self, None

    def finish_refund(
        self, refund_id: RefundId, succeeded: bool
    ) -> tuple["GatewayRecord", RefundOutcome | None]:
        """The bank's last word on a refund; one that had succeeded may fail as well."""
        state = RefundState.SUCCEEDED if succeeded else RefundState.FAILED
        refunds = tuple(
            evolve(each, state=state)
            if each.refund_id == refund_id and each.state is not RefundState.FAILED
            else each
            for each in self.refunds
        )
        ours = [each.outcome for each in refunds if each.refund_id == refund_id]
        return evolve(self, refunds=refunds), ours[-1] if ours else None

    def refund_externally(
        self, name: str, amount: Money | None
    ) -> tuple["GatewayRecord", str | None]:
        """Somebody gives back so much, or all that is left, past us: at the gateway's own pages."""
        attempt = self.charged
        if attempt is None:
            return self, None
        refunds = RefundRecord(
            reference=f"re_{name}",
            charge_id=attempt.charge_id,
            amount=amount or self.left(attempt),
            state=RefundState.SUCCEEDED,
        )
        return evolve(self, refunds=(*self.refunds, refunds)), refunds.reference

    def left(self, attempt: Attempt) -> Money:
        """What of the money taken has not been given back."""
        left = attempt.amount
        for refunds in self.refunds:
            if refunds.charge_id == attempt.charge_id and refunds.state is not RefundState.FAILED:
                left -= refunds.amount
        return left

    # --- idempotency ---------------------------------------------------------------------------

    def knows(self, key: str) -> bool:
        """Whether a request with this key has been answered."""
        return any(each.key == key for each in self.remembered)

    def fail(self, key: str, now: datetime) -> "GatewayRecord":
        """Answer the key with a 500 from now on, whatever was done under it."""
        return self._remembering(Remembered(key, "", now))

    def _first(self, key: str, fingerprint: str, now: datetime) -> Remembered | None:
        first = next((each for each in self.remembered if each.key == key), None)
        if first is None or first.at + KEYS_KEPT <= now:
            return None
        if not first.is_error and first.fingerprint != fingerprint:
            raise OutcomeUnknown("the gateway knows another request under this idempotency key")
        return first

    def _remembering(self, answer: Remembered) -> "GatewayRecord":
        others = tuple(each for each in self.remembered if each.key != answer.key)
        return evolve(self, remembered=(*others, answer))

    def _outcome_again(self, first: Remembered) -> Outcome:
        for attempt in self.attempts:
            if attempt.reference == first.reference:
                return evolve(attempt, state=AttemptState(first.state)).outcome
        raise OutcomeUnknown("the gateway answers this payment with a stored error")

    def _refund_outcome_again(self, first: Remembered, refund: Refund) -> RefundOutcome:
        for refunds in self.refunds:
            if refunds.reference == first.reference:
                return evolve(refunds, state=RefundState(first.state)).outcome
        return self.find_refund(refund)[1] or self._refused(first.code or "gateway_error", refund)

    # --- parts ---------------------------------------------------------------------------------

    def _attempt_of(self, charge_id: ChargeId) -> Attempt | None:
        for attempt in self.attempts:
            if attempt.charge_id == charge_id and attempt.state is AttemptState.SUCCEEDED:
                return attempt
        return None

    def _refused(self, code: str, refund: Refund) -> RefundOutcome:
        """A refusal, unless all the money is back already: what gave it back counts instead.

        That is an earlier attempt of this refund, or another hand's refund of the same amount.
        """
        alive = [each for each in self.refunds if each.state is not RefundState.FAILED]
        if code == _ALREADY_BACK:
            for refunds in alive:
                if refunds.refund_id == refund.id:
                    return refunds.outcome
            for refunds in alive:
                if refunds.refund_id is None and refunds.amount == refund.amount:
                    return refunds.outcome
        return RefundFailed(code)

    def _decide_waiting(self, state: AttemptState, code: str | None) -> "GatewayRecord":
        return evolve(
            self,
            attempts=tuple(
                _decided(each, state, code) if each.state is AttemptState.WAITING else each
                for each in self.attempts
            ),
        )


Rule = Callable[[GatewayRecord], tuple[GatewayRecord, Answer]]
"""What a request does to the dossier of its payment, and its answer."""


def _attempt(payment: Payment, card: Card, name: str, livemode: bool, now: datetime) -> Attempt:
    state = AttemptState.DECLINED if card.decline else AttemptState.SUCCEEDED
    return Attempt(
        name=name,
        order_id=payment.order_id,
        amount=payment.amount,
        livemode=livemode,
        created_at=now,
        state=AttemptState.WAITING if card.authenticates else state,
        code=card.decline,
        refund_waits=card.refund_waits,
    )


def _decided(attempt: Attempt, state: AttemptState, code: str | None) -> Attempt:
    if state is AttemptState.SUCCEEDED and attempt.code is not None:
        return evolve(attempt, state=AttemptState.DECLINED)
    return evolve(attempt, state=state, code=code)


def _fingerprint(*runtime: str) -> str:
    """Tell requests apart without keeping what is in them: a card token is kept nowhere."""
    return hashlib.sha256("\0".join(runtime).encode(errors="surrogatepass")).hexdigest()
