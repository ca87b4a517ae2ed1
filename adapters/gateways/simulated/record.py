"""GatewayRecord: what a simulated gateway stores about one payment, with Stripe's rules."""

from collections.abc import Callable
from datetime import datetime
from typing import Final, TypeVar

from attrs import evolve, frozen

from adapters.gateways.simulated.attempts import RETURNED_DEBIT, Attempt, AttemptState, Mischarge
from adapters.gateways.simulated.cards import CARDS
from adapters.gateways.simulated.idempotency import KeyedReply, fingerprint, first_reply
from adapters.gateways.simulated.refund_records import RefundRecords
from adapters.gateways.simulated.session_record import SessionRecord
from application.ports.gateway_history import ListedCharge
from application.ports.payment_gateway import CardToken, OutcomeUnknown
from domain.money import Money
from domain.outcome import Authorized, Charged, Declined, Outcome, Pending, Refused
from domain.payment import Payment

Result = TypeVar("Result")

# Stripe refuses the request, not the payment method.
_NO_RETURN_URL: Final = Refused("return_url_missing", "This payment method needs a return_url.")


@frozen
class GatewayRecord(RefundRecords):
    """All that the gateway stores about one payment; every change returns a new record."""

    mischarge: Mischarge | None = None
    """What the next charge captures by mistake."""
    session: SessionRecord | None = None
    """The session that it is about, if its customer approves it first."""

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
        if card.redirects and token.return_url is None:
            return self, _NO_RETURN_URL
        attempt = Attempt.of(attempt_id, payment, card, livemode, now, token.return_url)
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

    def capture_externally(
        self, amount: Money | None, now: datetime
    ) -> tuple["GatewayRecord", Outcome | None]:
        """Capture outside this service, as in the gateway's dashboard; None: all that is held."""
        record = self.expire(now)
        held = record.authorized
        if held is None or (amount is not None and amount.exceeds(held.amount)):
            return record, None
        captured = held.capture(amount or held.amount, now)
        attempts = tuple(captured if each is held else each for each in record.attempts)
        return evolve(record, attempts=attempts), captured.outcome

    def release_externally(self, now: datetime) -> tuple["GatewayRecord", Outcome | None]:
        """Release what is held outside this service, as in the gateway's dashboard."""
        released = tuple(each.release() for each in self.expire(now).attempts)
        return evolve(self, attempts=released).find()

    def finish_debit(
        self, succeeded: bool, now: datetime
    ) -> tuple["GatewayRecord", Outcome | None]:
        """Record the bank's decision about a pending attempt."""
        return self._end(AttemptState.PENDING, None if succeeded else RETURNED_DEBIT, now)

    def complete_authentication(
        self, succeeded: bool, now: datetime
    ) -> tuple["GatewayRecord", Outcome | None]:
        """Record the authentication's result; change nothing if no attempt waits for it."""
        # The code of https://docs.stripe.com/error-codes#payment-intent-authentication-failure.
        code = None if succeeded else "payment_intent_authentication_failure"
        return self._end(AttemptState.WAITING, code, now)

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

    # --- helpers -------------------------------------------------------------------------------

    def _repeated_outcome(self, first: KeyedReply) -> Outcome:
        for attempt in self.attempts:
            if attempt.reference == first.reference:
                return evolve(attempt, state=AttemptState(first.state)).outcome
        raise OutcomeUnknown("the gateway repeats a stored error for this payment")

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
