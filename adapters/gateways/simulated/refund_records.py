"""RefundRecords: the part of a simulated gateway's record about refunds and idempotency keys."""

from datetime import datetime
from typing import Self

from attrs import evolve, frozen

from adapters.gateways.simulated.attempts import Attempt, AttemptState
from adapters.gateways.simulated.disputes import DisputeRecord
from adapters.gateways.simulated.idempotency import KeyedReply, fingerprint, first_reply, store
from adapters.gateways.simulated.refunds import (
    ALREADY_REFUNDED,
    RefundRecord,
    RefundState,
    refundable,
    rejection,
)
from domain.dispute import DisputeStatus
from domain.identifiers import ChargeId, RefundId
from domain.money import Money
from domain.refund import Refund, RefundFailed, RefundOutcome, ReportedRefund


@frozen
class RefundRecords:
    """The attempts of a payment, its refunds, and the replies to its requests."""

    attempts: tuple[Attempt, ...] = ()
    refunds: tuple[RefundRecord, ...] = ()
    replies: tuple[KeyedReply, ...] = ()
    disputes: tuple[DisputeRecord, ...] = ()
    unlisted: tuple[RefundRecord, ...] = ()
    """Refunds whose money is gone, and of which the gateway shows no record any more."""

    @property
    def charged(self) -> Attempt | None:
        """The attempt that captured money."""
        return next((each for each in self.attempts if each.state is AttemptState.SUCCEEDED), None)

    def refund(self, refund: Refund, new_id: str, now: datetime) -> tuple[Self, RefundOutcome]:
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
            created_at=now,
        )
        reply = KeyedReply(refund.key, request, now, record.reference, record.state.value)
        return evolve(self._with(reply), refunds=(*self.refunds, record)), record.outcome

    def find_refund(self, refund: Refund) -> tuple[Self, RefundOutcome | None]:
        """Return the outcome of the refund with this reference or, without one, with this key."""
        for record in self.refunds:
            if refund.reference is not None:
                matches = record.reference == refund.reference
            else:
                matches = record.key == refund.key
            if matches:
                return self, record.outcome
        return self, None

    def list_refunds(self, charge_id: ChargeId | None) -> tuple[Self, list[ReportedRefund]]:
        """Return all refunds of a charge."""
        return self, [each.reported for each in self.refunds if each.charge_id == charge_id]

    def finish_refund(
        self, refund_id: RefundId, succeeded: bool, now: datetime
    ) -> tuple[Self, RefundOutcome | None]:
        """Record the bank's decision about a refund; one that has succeeded may still fail."""
        state = RefundState.SUCCEEDED if succeeded else RefundState.FAILED
        refunds = tuple(
            evolve(each, state=state, failed_at=None if succeeded else now)
            if each.refund_id == refund_id and each.state is not RefundState.FAILED
            else each
            for each in self.refunds
        )
        outcomes = [each.outcome for each in refunds if each.refund_id == refund_id]
        return evolve(self, refunds=refunds), outcomes[-1] if outcomes else None

    def refund_externally(
        self,
        new_id: str,
        amount: Money | None,
        now: datetime,
        refund_id: RefundId | None = None,
    ) -> tuple[Self, str | None]:
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
            created_at=now,
        )
        return evolve(self, refunds=(*self.refunds, record)), record.reference

    def dispute_externally(
        self, new_id: str, status: DisputeStatus, now: datetime
    ) -> tuple[Self, str | None]:
        """Act as the customer's bank: open or decide a dispute of the captured money."""
        attempt = self.charged
        if attempt is None:
            return self, None
        existing = self.disputes[-1] if self.disputes else None
        disputed = existing or DisputeRecord(
            id=f"dp_{new_id}",
            charge_id=attempt.charge_id,
            amount=attempt.amount,
            status=status,
            created_at=now,
        )
        decided = evolve(disputed, status=status, decided_at=now)
        return evolve(self, disputes=(decided,)), disputed.id

    def refundable(self, attempt: Attempt) -> Money:
        """Return the captured amount that is not refunded yet."""
        return refundable(attempt, (*self.refunds, *self.unlisted))

    # --- idempotency ---------------------------------------------------------------------------

    def has_replied_to(self, key: str) -> bool:
        """Whether a request with this key got a reply."""
        return any(each.key == key for each in self.replies)

    def fail(self, key: str, now: datetime) -> Self:
        """Reply to this key with a 500 from now on, whether or not its request was executed."""
        return self._with(KeyedReply(key, "", now))

    def _with(self, reply: KeyedReply) -> Self:
        return evolve(self, replies=store(self.replies, reply))

    def _repeated_refund_outcome(self, first: KeyedReply, refund: Refund) -> RefundOutcome:
        for record in self.refunds:
            if record.reference == first.reference:
                return evolve(record, state=RefundState(first.state)).outcome
        found = self.find_refund(refund)[1]
        return found or rejection(first.code or "gateway_error", refund, self.refunds)

    def _captured_by(self, charge_id: ChargeId) -> Attempt | None:
        for attempt in self.attempts:
            if attempt.charge_id == charge_id and attempt.state is AttemptState.SUCCEEDED:
                return attempt
        return None
