"""Payment: one attempt to pay for one order, and its outcome."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from attrs import evolve, frozen

from domain.check_times import (
    ABANDON_AFTER,
    FIRST_CHECK_AFTER,
    abandoned_interval,
    open_interval,
    pending_interval,
)
from domain.identifiers import ChargeId, OrderId, PaymentId, UserId
from domain.money import Money
from domain.outcome import Charged, Declined, Pending, Refused, RequiresAction

NOT_SENT: Final = "not_sent"
"""The code of an abandoned payment of which we know that nothing was tried."""

CANCELLED_BY_CUSTOMER: Final = "cancelled_by_customer"
"""The code of a payment that its customer cancels, and of its reversal after a late capture."""


class PaymentStatus(Enum):
    """The states of a payment; TRANSITIONS lists what may follow what."""

    PROCESSING = "processing"
    REQUIRES_ACTION = "requires_action"
    PENDING = "pending"
    """The gateway has accepted it, and the money comes later; nobody has to do anything."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    """Its customer cancelled it before anything was captured."""
    ABANDONED = "abandoned"
    """The gateway has no record of it. A charge that appears later is kept or given back."""
    REVERSED = "reversed"
    """Captured although the order may not keep it; the money is given back automatically."""
    REVIEW = "review"
    """The captured amount, currency or mode is not what was requested; an operator decides."""


_LATE: Final = frozenset({PaymentStatus.REVERSED, PaymentStatus.REVIEW})
"""What a capture leads to after the customer was told that there would be none."""

_RESULTS: Final = _LATE | {PaymentStatus.SUCCEEDED, PaymentStatus.FAILED, PaymentStatus.ABANDONED}

TRANSITIONS: Final[Mapping[PaymentStatus, frozenset[PaymentStatus]]] = {
    PaymentStatus.PROCESSING: _RESULTS | {PaymentStatus.REQUIRES_ACTION, PaymentStatus.PENDING},
    PaymentStatus.REQUIRES_ACTION: _RESULTS | {PaymentStatus.PENDING, PaymentStatus.CANCELLED},
    # The gateway has accepted it: that it has no record of it now proves nothing.
    PaymentStatus.PENDING: _RESULTS - {PaymentStatus.ABANDONED} | {PaymentStatus.CANCELLED},
    PaymentStatus.ABANDONED: _RESULTS - {PaymentStatus.ABANDONED} | {PaymentStatus.PENDING},
    PaymentStatus.FAILED: _LATE,
    PaymentStatus.CANCELLED: _LATE,
    PaymentStatus.SUCCEEDED: frozenset(),
    PaymentStatus.REVERSED: frozenset(),
    PaymentStatus.REVIEW: frozenset(),
}
"""Which states may follow each state. Any other change is ignored, so that repeated and late
reports are harmless. docs/architecture.md draws this table; a test compares the two."""

CANCELLABLE: Final = frozenset({PaymentStatus.REQUIRES_ACTION, PaymentStatus.PENDING})
"""It waits for its customer or its money; the gateway may be asked to cancel it."""

OPEN: Final = CANCELLABLE | {PaymentStatus.PROCESSING}
"""It has not ended yet: it waits, or its outcome is unknown."""

LIVE: Final = OPEN | {PaymentStatus.SUCCEEDED}
"""At most one payment of an order is in one of these states."""

CAPTURED: Final = frozenset({PaymentStatus.SUCCEEDED, PaymentStatus.REVERSED, PaymentStatus.REVIEW})
"""The gateway has captured money."""


@frozen
class Payment:
    """One attempt to pay for one order."""

    id: PaymentId
    order_id: OrderId
    user_id: UserId
    amount: Money
    gateway: str
    livemode: bool
    created_at: datetime
    status: PaymentStatus = PaymentStatus.PROCESSING
    charge_id: ChargeId | None = None
    captured_amount: Money | None = None
    """What the gateway captured; in review, this is not the requested amount."""
    reference: str | None = None
    code: str | None = None
    """The gateway's code of a failure, or why it is cancelled, abandoned, reversed or in review."""
    next_check_at: datetime | None = None
    """When recovery asks the gateway about it next; None if there is nothing left to check."""

    @property
    def is_live(self) -> bool:
        """Whether it has paid its order, or still may."""
        return self.status in LIVE

    @property
    def is_captured(self) -> bool:
        """Whether the gateway has captured money."""
        return self.status in CAPTURED

    @property
    def is_open(self) -> bool:
        """Whether it has not ended yet."""
        return self.status in OPEN

    @property
    def has_failed(self) -> bool:
        """Whether it was tried and ended without a capture; one never sent was not tried."""
        never_sent = self.status is PaymentStatus.ABANDONED and self.code == NOT_SENT
        return not (self.is_open or self.is_captured or never_sent)

    @property
    def is_being_cancelled(self) -> bool:
        """Whether its customer cancels it, and it is still to be cancelled at the gateway."""
        return self.status in CANCELLABLE and self.code == CANCELLED_BY_CUSTOMER

    def is_at(self, gateway: str, livemode: bool) -> bool:
        """Whether it was sent to this gateway, in this mode."""
        return (self.gateway, self.livemode) == (gateway, livemode)

    def can_become(self, status: PaymentStatus) -> bool:
        """Whether TRANSITIONS allows this state to follow the current one."""
        return status in TRANSITIONS[self.status]

    # --- time ----------------------------------------------------------------------------------

    def may_be_sent(self, now: datetime) -> bool:
        """Whether its charge may still be sent; a process that was suspended must not send it."""
        return now < self.created_at + FIRST_CHECK_AFTER

    def may_have_arrived(self, now: datetime) -> bool:
        """Whether one of our requests may still be in flight."""
        return now < self.created_at + ABANDON_AFTER

    def is_check_due(self, now: datetime) -> bool:
        """Whether recovery should ask the gateway about it."""
        return self.next_check_at is not None and self.next_check_at <= now

    def check_now(self, now: datetime) -> "Payment":
        """Make its check due immediately."""
        return evolve(self, next_check_at=now)

    def check_by(self, latest: datetime) -> "Payment":
        """Make its check due at this time, unless it is due before."""
        return evolve(self, next_check_at=min(self.next_check_at or latest, latest))

    def schedule_check(self, now: datetime) -> "Payment":
        """Set the time of the following check; it is also the lease on the check starting now."""
        age = now - self.created_at
        match self.status:
            case PaymentStatus.PENDING if not self.is_being_cancelled:
                interval: timedelta | None = pending_interval(age)
            case PaymentStatus.ABANDONED:
                interval = abandoned_interval(age, is_known=self.reference is not None)
            case _:
                interval = open_interval(age) if self.is_open else None
        return evolve(self, next_check_at=None if interval is None else now + interval)

    # --- transitions ---------------------------------------------------------------------------

    def mismatch(self, charged: Charged) -> str | None:
        """Return how the charge differs from the request (currency, amount, mode), or None."""
        if charged.amount.currency != self.amount.currency:
            return "currency_mismatch"
        if charged.amount != self.amount:
            return "amount_mismatch"
        return "livemode_mismatch" if charged.livemode != self.livemode else None

    def succeed(self, charged: Charged) -> "Payment":
        """Record the capture; the order keeps the money."""
        return self._capture(PaymentStatus.SUCCEEDED, charged, None)

    def reverse(self, charged: Charged, reason: str) -> "Payment":
        """Record the capture; the order may not keep the money."""
        return self._capture(PaymentStatus.REVERSED, charged, reason)

    def review(self, charged: Charged, mismatch: str) -> "Payment":
        """Record the capture; an operator must decide, as it is not what was requested."""
        return self._capture(PaymentStatus.REVIEW, charged, mismatch)

    def request_cancellation(self, now: datetime) -> "Payment":
        """Record that its customer does not want it any more, and cancel it at the gateway soon."""
        if self.status not in CANCELLABLE or self.is_being_cancelled:
            return self
        return evolve(self, code=CANCELLED_BY_CUSTOMER, next_check_at=now)

    def fail(self, refusal: Declined | Refused) -> "Payment":
        """Record that nothing was captured: declined, cancelled, or the shop was refused."""
        if not self.can_become(PaymentStatus.FAILED):
            return self
        return evolve(
            self,
            status=PaymentStatus.CANCELLED if self.is_being_cancelled else PaymentStatus.FAILED,
            code=CANCELLED_BY_CUSTOMER if self.is_being_cancelled else refusal.code,
            reference=refusal.reference or self.reference,
            next_check_at=None,
        )

    def require_action(self, action: RequiresAction) -> "Payment":
        """Record that the customer must authenticate; an abandoned payment keeps its state."""
        if self.can_become(PaymentStatus.REQUIRES_ACTION):
            return evolve(self, status=PaymentStatus.REQUIRES_ACTION, reference=action.reference)
        if self.status is PaymentStatus.ABANDONED:
            return evolve(self, reference=action.reference)
        return self

    def wait_for_money(self, pending: Pending, *, is_live: bool = True) -> "Payment":
        """Record that the money comes later; a cancellation that the gateway refuses is over.

        An abandoned payment is live again if `is_live`, else only its reference is recorded.
        """
        reference = pending.reference or self.reference
        if self.status is PaymentStatus.ABANDONED and not is_live:
            return evolve(self, reference=reference)
        if not self.can_become(PaymentStatus.PENDING) and self.status is not PaymentStatus.PENDING:
            return self
        code = self.code if self.is_being_cancelled and not pending.cannot_be_cancelled else None
        return evolve(self, status=PaymentStatus.PENDING, reference=reference, code=code)

    def abandon(self, code: str | None = None) -> "Payment":
        """Record that it never arrived; it is still checked for LATE_CAPTURE_WINDOW."""
        if not self.can_become(PaymentStatus.ABANDONED):
            return self
        next_check_at = self.created_at + 2 * ABANDON_AFTER
        return evolve(self, status=PaymentStatus.ABANDONED, code=code, next_check_at=next_check_at)

    def _capture(self, status: PaymentStatus, charged: Charged, code: str | None) -> "Payment":
        if not self.can_become(status):
            return self
        return evolve(
            self,
            status=status,
            charge_id=charged.charge_id,
            captured_amount=charged.amount,
            reference=charged.reference or self.reference,
            code=code,
            next_check_at=None,
        )
