"""Refund: part or all of a payment, given back to the customer."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from attrs import evolve, frozen

from domain.check_times import CHECK_INTERVAL, CLOCK_MARGIN, LONGEST_CALL
from domain.identifiers import ChargeId, OrderId, PaymentId, RefundId
from domain.money import Money

SEND_LEASE: Final = LONGEST_CALL + CLOCK_MARGIN
"""How long only the process that has reserved a refund may send it, so that one sent at once is
answered by then. One that is sent later has the same key as what recovery sends."""

SETTLEMENT_CHECK_INTERVAL: Final = timedelta(hours=1)
"""The longest time between two checks of a refund that waits for a bank; banks take days."""

CURRENCY_MISMATCH: Final = "currency_mismatch"
"""The code of a refund that the gateway reports in another currency than the charge's."""

EXCEEDS_PAYMENT: Final = "exceeds_payment"
"""The code of a refund of which the gateway reports more than was left of the captured amount."""

REFUNDED_EXTERNALLY: Final = "refunded_externally"
"""The code of a refund of ours whose money another refund, which was recorded first, has."""

DOUBTFUL: Final = frozenset({CURRENCY_MISMATCH, EXCEEDS_PAYMENT})
"""Codes of refunds whose amount is not what the gateway reports; an operator must look at them."""


REQUESTED: Final = "requested"
"""The reason of a refund if the operator gives none."""

# The longest id of ours has 44 characters, and the tables store 255 of a gateway's.
_MAX_ID: Final = 255

# There are at most 11 attempts.
_MAX_DIGITS: Final = 3


class RefundStatus(Enum):
    """The states of a refund; TRANSITIONS lists what may follow what."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


TRANSITIONS: Final[Mapping[RefundStatus, frozenset[RefundStatus]]] = {
    RefundStatus.PENDING: frozenset({RefundStatus.SUCCEEDED, RefundStatus.FAILED}),
    # The bank may return the money later (https://docs.stripe.com/refunds#failed-refunds).
    RefundStatus.SUCCEEDED: frozenset({RefundStatus.FAILED}),
    # Its amount may have been reserved for another refund since.
    RefundStatus.FAILED: frozenset(),
}
"""Which states may follow each state. Any other change is ignored. docs/architecture.md draws
this table; a test compares the two."""


@frozen
class Refunded:
    """The gateway gave this money back."""

    reference: str
    amount: Money


@frozen
class RefundPending:
    """The gateway has accepted the refund; the bank has not completed it."""

    reference: str


@frozen
class RefundFailed:
    """The gateway did not give the money back, and will not."""

    code: str
    reference: str | None = None


RefundOutcome = Refunded | RefundPending | RefundFailed
"""What a gateway may report about a refund."""


@frozen
class ReportedRefund:
    """A refund of a charge, no matter who has started it, as the gateway reports it."""

    reference: str
    amount: Money
    outcome: RefundOutcome
    refund_id: RefundId | None = None
    """The id in its labels. It proves nothing alone: others may label their refunds as well."""
    key: str | None = None
    """The idempotency key in its labels."""
    reason: str | None = None
    """The reason in its labels."""

    @property
    def attempt(self) -> int | None:
        """Which attempt of a refund of ours its labels describe; None if it is not one of ours.

        Other tools may label their refunds, too, but not with a key that we make.
        """
        if self.refund_id is None or self.key is None or len(self.refund_id) > _MAX_ID:
            return None
        refund_id, _, attempt = self.key.rpartition(":")
        is_number = attempt.isascii() and attempt.isdigit() and len(attempt) <= _MAX_DIGITS
        return int(attempt) if refund_id == self.refund_id and is_number else None


@frozen
class Refund:
    """Money of one payment on its way back to the customer."""

    id: RefundId
    payment_id: PaymentId
    order_id: OrderId
    charge_id: ChargeId
    amount: Money
    """The amount to give back; once it has succeeded, the amount that the gateway reports."""
    reason: str
    created_at: datetime
    status: RefundStatus = RefundStatus.PENDING
    reference: str | None = None
    """The gateway's identifier (Stripe: `re_…`)."""
    code: str | None = None
    """Why it failed, or DOUBTFUL: why the amount is not what the gateway reports."""
    automatic: bool = False
    """Whether our rules started it; if it fails, another one follows."""
    attempt: int = 0
    """How many automatic refunds of the payment had failed before this one."""
    next_check_at: datetime | None = None
    """When recovery sends it, or asks the gateway about it, next."""

    @property
    def key(self) -> str:
        """The idempotency key; the same for every resend."""
        return f"{self.id}:{self.attempt}"

    @property
    def is_external(self) -> bool:
        """Whether it was started outside this service."""
        return self.id == self.reference

    @property
    def is_reserved(self) -> bool:
        """Whether its amount is no longer available to other refunds."""
        return self.status is not RefundStatus.FAILED

    @property
    def is_limited(self) -> bool:
        """Whether it counts as less than the gateway has given back; see `within_captured`."""
        return self.status is RefundStatus.SUCCEEDED and self.code == EXCEEDS_PAYMENT

    def can_become(self, status: RefundStatus) -> bool:
        """Whether TRANSITIONS allows this state to follow the current one."""
        return status in TRANSITIONS[self.status]

    def may_be_sent(self, now: datetime) -> bool:
        """Whether the process that reserved it may send it; after that, only recovery may."""
        return self.status is RefundStatus.PENDING and now < self.created_at + SEND_LEASE

    def is_check_due(self, now: datetime) -> bool:
        """Whether recovery should send it or ask the gateway about it."""
        return self.next_check_at is not None and self.next_check_at <= now

    def is_reported_by(self, reported: ReportedRefund) -> bool:
        """Whether a report is about this refund.

        It is if it has our reference or, before we know one, the labels that we sent. Money that
        went back although the refund had failed is none of ours any more: its amount is released.
        """
        if self.reference is not None:
            return self.reference == reported.reference
        if self.status is RefundStatus.FAILED and not isinstance(reported.outcome, RefundFailed):
            return False
        return reported.refund_id == self.id and reported.key in (None, self.key)

    def schedule_check(self, now: datetime) -> "Refund":
        """Set the time of the following check; it is also the lease on the check starting now."""
        if self.is_limited:
            return evolve(self, next_check_at=now + max(now - self.created_at, SEND_LEASE))
        if self.status is not RefundStatus.PENDING:
            return evolve(self, next_check_at=None)
        if self.reference is not None:
            age = max(now - self.created_at, CHECK_INTERVAL)
            return evolve(self, next_check_at=now + min(age, SETTLEMENT_CHECK_INTERVAL))
        return evolve(self, next_check_at=now + SEND_LEASE)

    def settle(self, outcome: RefundOutcome) -> "Refund":
        """Record what the gateway reports; a repeated or late report changes nothing."""
        match outcome:
            case Refunded(reference, amount):
                return self._succeed(reference, amount)
            case RefundPending(reference):
                if self.status is not RefundStatus.PENDING:
                    return self
                return evolve(self, reference=reference)
            case RefundFailed(code, reference):
                return self._fail(code, reference)

    def _succeed(self, reference: str, amount: Money) -> "Refund":
        """Record success with the gateway's amount.

        An amount in another currency cannot be counted, although gateways refund in the currency
        of the charge: the requested amount stays, with a code for an operator. A failure instead
        would release the amount, and it would be given back twice.

        One that was limited by another refund takes its amount again: the other may have failed.
        """
        is_repeated = self.is_limited and self.reference == reference
        if not is_repeated and not self.can_become(RefundStatus.SUCCEEDED):
            return self
        succeeded = evolve(
            self, status=RefundStatus.SUCCEEDED, reference=reference, code=None, next_check_at=None
        )
        if amount.currency != self.amount.currency:
            return evolve(succeeded, code=CURRENCY_MISMATCH)
        return evolve(succeeded, amount=amount)

    def _fail(self, code: str, reference: str | None) -> "Refund":
        """Record failure; a report about another attempt does not undo a success."""
        if not self.can_become(RefundStatus.FAILED):
            return self
        if self.status is RefundStatus.SUCCEEDED and self.reference != reference:
            return self
        return evolve(
            self,
            status=RefundStatus.FAILED,
            reference=reference or self.reference,
            code=code,
            next_check_at=None,
        )
