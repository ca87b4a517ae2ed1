"""GatewayRecord: what a simulated gateway stores about one payment, with Stripe's rules."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from attrs import evolve, frozen

from adapters.gateways.simulated.attempts import Attempt, AttemptState, Mischarge
from adapters.gateways.simulated.cards import CARDS
from adapters.gateways.simulated.idempotency import KeyedReply, fingerprint, first_reply, store
from adapters.gateways.simulated.refunds import (
    ALREADY_REFUNDED,
    RefundRecord,
    RefundState,
    refundable,
    rejection,
)
from application.ports.gateway_history import ListedCharge
from application.ports.payment_gateway import CardToken, OutcomeUnknown
from domain.identifiers import ChargeId, RefundId
from domain.money import Money
from domain.outcome import Authorized, Charged, Declined, Outcome, Pending
from domain.payment import Payment
from domain.refund import Refund, RefundFailed, RefundOutcome, ReportedRefund

Result = TypeVar("Result")


@frozen
class GatewayRecord:
    """All that the gateway stores about one payment; every change returns a new record."""

    attempts: tuple[Attempt, ...] = ()
    refunds: tuple[RefundRecord, ...] = ()
    replies: tuple[KeyedReply, ...] = ()
    mischarge: Mischarge | None = None
    """What the next charge captures by mistake."""

    # --- charges -------------------------------------------------------------------------------

    def charge(
        self,
        key: str,
        payment: Payment,
        token: CardToken,
        attempt_id: str,
        livemode: bool,
        now: datetime,
    ) -> tuple["GatewayRecord", Outcome]:
        """Charge the card once for each key.

        Raises:
            OutcomeUnknown: the key's first reply was a 500, or its first request was different.
        """
        request = fingerprint(payment.id, token.value, str(payment.amount))
        first = first_reply(self.replies, key, request, now)
        if first is not None:
            return self, self._repeated_outcome(first)
        card = CARDS.get(token.value)
        if card is None:
            return self, Declined("resource_missing")
        if payment.amount.is_zero:
            return self, Declined("amount_too_small")
        attempt = Attempt.of(attempt_id, payment, card, livemode, now)
        if self.mischarge is not None:
            attempt = attempt.mischarged(self.mischarge)
        reply = KeyedReply(key, request, now, attempt.reference, attempt.state.value)
        charged = evolve(self._with(reply), attempts=(*self.attempts, attempt), mischarge=None)
        return charged, attempt.outcome

    def find(self) -> tuple["GatewayRecord", Outcome | None]:
        """Return the outcome of the captured attempt, else of the last one, else None."""
        attempt = self.charged or self.authorized or (self.attempts[-1] if self.attempts else None)
        return self, attempt.outcome if attempt else None

    def expire(self, now: datetime) -> "GatewayRecord":
        """Release what is held, if its authorization has run out."""
        attempts = tuple(each.expire(now) for each in self.attempts)
        return self if attempts == self.attempts else evolve(self, attempts=attempts)

    def cancel(self, now: datetime) -> tuple["GatewayRecord", Outcome | None]:
        """Cancel what waits for the customer, or is pending and can be; release what is held."""
        cancelled = tuple(
            each.decide(AttemptState.DECLINED, "canceled", now) if each.can_be_cancelled else each
            for each in (each.expire(now).release() for each in self.attempts)
        )
        return evolve(self, attempts=cancelled).find()

    def finish_debit(
        self, succeeded: bool, now: datetime
    ) -> tuple["GatewayRecord", Outcome | None]:
        """Record the bank's decision about a pending attempt."""
        return self._end(AttemptState.PENDING, None if succeeded else "insufficient_funds", now)

    def complete_authentication(
        self, succeeded: bool, now: datetime
    ) -> tuple["GatewayRecord", Outcome | None]:
        """Record the authentication's result; change nothing if no attempt waits for it."""
        # The code of https://docs.stripe.com/error-codes#payment-intent-authentication-failure.
        code = None if succeeded else "payment_intent_authentication_failure"
        return self._end(AttemptState.WAITING, code, now)

    @property
    def charged(self) -> Attempt | None:
        """The attempt that captured money."""
        return next((each for each in self.attempts if each.state is AttemptState.SUCCEEDED), None)

    @property
    def authorized(self) -> Attempt | None:
        """The attempt whose money is held."""
        held = AttemptState.AUTHORIZED
        return next((each for each in self.attempts if each.state is held), None)

    def list_charges(self, since: datetime, until: datetime) -> list[ListedCharge]:
        """Return the charges created in this time that say for which payment they were made."""
        return [
            ListedCharge(attempt.claimed, outcome, attempt.amount - self.refundable(attempt))
            for attempt in self.attempts
            if attempt.claimed is not None
            and attempt.charged_at is not None
            and since <= attempt.charged_at < until
            and isinstance(outcome := attempt.outcome, Charged | Authorized | Pending)
        ]

    # --- refunds -------------------------------------------------------------------------------

    def refund(
        self, refund: Refund, new_id: str, now: datetime
    ) -> tuple["GatewayRecord", RefundOutcome]:
        """Refund once for each key, and never more than was captured.

        Raises:
            OutcomeUnknown: the key's first request was different.
        """
        request = fingerprint(refund.id, refund.charge_id, str(refund.amount))
        first = first_reply(self.replies, refund.key, request, now)
        if first is not None:
            return self, self._repeated_refund_outcome(first, refund)
        attempt = self._captured_by(refund.charge_id)
        if attempt is None:
            return self, RefundFailed("resource_missing")
        left = self.refundable(attempt)
        if left.currency != refund.amount.currency or refund.amount.exceeds(left):
            code = ALREADY_REFUNDED if left.is_zero else "amount_too_large"
            rejected = self._with(KeyedReply(refund.key, request, now, code=code))
            return rejected, rejection(code, refund, self.refunds)
        record = RefundRecord(
            reference=f"re_{new_id}",
            charge_id=attempt.charge_id,
            amount=refund.amount,
            state=RefundState.PENDING if attempt.refund_is_pending else RefundState.SUCCEEDED,
            key=refund.key,
            refund_id=refund.id,
            reason=refund.reason,
        )
        reply = KeyedReply(refund.key, request, now, record.reference, record.state.value)
        return evolve(self._with(reply), refunds=(*self.refunds, record)), record.outcome

    def find_refund(self, refund: Refund) -> tuple["GatewayRecord", RefundOutcome | None]:
        """Return the outcome of the refund with this reference or, without one, with this key."""
        for record in self.refunds:
            if refund.reference is not None:
                matches = record.reference == refund.reference
            else:
                matches = record.key == refund.key
            if matches:
                return self, record.outcome
        return self, None

    def list_refunds(
        self, charge_id: ChargeId | None
    ) -> tuple["GatewayRecord", list[ReportedRefund]]:
        """Return all refunds of a charge."""
        return self, [each.reported for each in self.refunds if each.charge_id == charge_id]

    def finish_refund(
        self, refund_id: RefundId, succeeded: bool
    ) -> tuple["GatewayRecord", RefundOutcome | None]:
        """Record the bank's decision about a refund; one that has succeeded may still fail."""
        state = RefundState.SUCCEEDED if succeeded else RefundState.FAILED
        refunds = tuple(
            evolve(each, state=state)
            if each.refund_id == refund_id and each.state is not RefundState.FAILED
            else each
            for each in self.refunds
        )
        outcomes = [each.outcome for each in refunds if each.refund_id == refund_id]
        return evolve(self, refunds=refunds), outcomes[-1] if outcomes else None

    def refund_externally(
        self, new_id: str, amount: Money | None, refund_id: RefundId | None = None
    ) -> tuple["GatewayRecord", str | None]:
        """Refund outside this service, as in the gateway's dashboard; None: all that is left.

        `refund_id` is what another tool has put into a label that is named like ours.
        """
        attempt = self.charged
        if attempt is None:
            return self, None
        record = RefundRecord(
            reference=f"re_{new_id}",
            charge_id=attempt.charge_id,
            amount=amount or self.refundable(attempt),
            state=RefundState.SUCCEEDED,
            refund_id=refund_id,
        )
        return evolve(self, refunds=(*self.refunds, record)), record.reference

    def refundable(self, attempt: Attempt) -> Money:
        """Return the captured amount that is not refunded yet."""
        return refundable(attempt, self.refunds)

    # --- idempotency ---------------------------------------------------------------------------

    def has_replied_to(self, key: str) -> bool:
        """Whether a request with this key got a reply."""
        return any(each.key == key for each in self.replies)

    def fail(self, key: str, now: datetime) -> "GatewayRecord":
        """Reply to this key with a 500 from now on, whether or not its request was executed."""
        return self._with(KeyedReply(key, "", now))

    def _with(self, reply: KeyedReply) -> "GatewayRecord":
        return evolve(self, replies=store(self.replies, reply))

    def _repeated_outcome(self, first: KeyedReply) -> Outcome:
        for attempt in self.attempts:
            if attempt.reference == first.reference:
                return evolve(attempt, state=AttemptState(first.state)).outcome
        raise OutcomeUnknown("the gateway repeats a stored error for this payment")

    def _repeated_refund_outcome(self, first: KeyedReply, refund: Refund) -> RefundOutcome:
        for record in self.refunds:
            if record.reference == first.reference:
                return evolve(record, state=RefundState(first.state)).outcome
        found = self.find_refund(refund)[1]
        return found or rejection(first.code or "gateway_error", refund, self.refunds)

    # --- helpers -------------------------------------------------------------------------------

    def _captured_by(self, charge_id: ChargeId) -> Attempt | None:
        for attempt in self.attempts:
            if attempt.charge_id == charge_id and attempt.state is AttemptState.SUCCEEDED:
                return attempt
        return None

    def _end(
        self, waiting: AttemptState, code: str | None, now: datetime
    ) -> tuple["GatewayRecord", Outcome | None]:
        """End the attempts in this state: with a decline if there is a code, else successfully."""
        state = AttemptState.SUCCEEDED if code is None else AttemptState.DECLINED
        ended = tuple(
            each.decide(state, code, now) if each.state is waiting else each
            for each in self.attempts
        )
        return evolve(self, attempts=ended).find()


Rule = Callable[[GatewayRecord], tuple[GatewayRecord, Result]]
"""What a request does: it takes the record of its payment, and returns the new one and a result."""
