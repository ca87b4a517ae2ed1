"""Payment: one attempt to pay for one order, and its outcome."""

from datetime import datetime
from typing import Self

from attrs import evolve, frozen

from domain.check_times import ABANDON_AFTER, LATE_CAPTURE_WINDOW
from domain.money import Money
from domain.outcome import (
    Approved,
    Authorized,
    Charged,
    Declined,
    Pending,
    Refused,
    RequiresAction,
)
from domain.payment_state import PaymentState
from domain.payment_status import (
    AUTHORIZATION_EXPIRED,
    CANCELLABLE,
    CANCELLED_BY_CUSTOMER,
    NOT_SENT,
    PaymentStatus,
)


@frozen
class Payment(PaymentState):
    """One attempt to pay for one order: its transitions, each of which is harmless if repeated."""

    def succeed(self, charged: Charged) -> Self:
        """Record the capture; the order keeps the money."""
        return self._capture(PaymentStatus.SUCCEEDED, charged, None)

    def reverse(self, charged: Charged, reason: str) -> Self:
        """Record the capture; the order may not keep the money."""
        return self._capture(PaymentStatus.REVERSED, charged, reason)

    def review(self, charged: Charged, mismatch: str) -> Self:
        """Record the capture; an operator must decide, as it is not what was requested."""
        return self._capture(PaymentStatus.REVIEW, charged, mismatch)

    def accept_review(self) -> Self:
        """Record that the order keeps what was captured; `code` still says what was different."""
        if not self.can_become(PaymentStatus.SUCCEEDED):
            return self
        return evolve(self, status=PaymentStatus.SUCCEEDED)

    def refuse_review(self, code: str) -> Self:
        """Record that the order does not keep what was captured."""
        if not self.can_become(PaymentStatus.REVERSED):
            return self
        return evolve(self, status=PaymentStatus.REVERSED, code=code)

    def request_cancellation(self, now: datetime) -> Self:
        """Record that its customer does not want it any more, and cancel it at the gateway soon."""
        if self.status not in CANCELLABLE or self.is_being_cancelled:
            return self
        return evolve(self, code=CANCELLED_BY_CUSTOMER, next_check_at=now)

    def fail(self, refusal: Declined | Refused) -> Self:
        """Record that nothing was captured: declined, cancelled, or the shop was refused."""
        if self.has_stray_hold:
            return evolve(self, next_check_at=None)
        is_authorized = self.status is PaymentStatus.AUTHORIZED
        if not is_authorized and not self.can_become(PaymentStatus.FAILED):
            return self
        is_cancelled = is_authorized or self.is_being_cancelled
        return evolve(
            self,
            status=PaymentStatus.CANCELLED if is_cancelled else PaymentStatus.FAILED,
            code=(is_cancelled and self.code) or refusal.code,
            reference=refusal.reference or self.reference,
            next_check_at=None,
            requested_capture=None,
            next_capture=None,
        )

    def authorize(
        self, authorized: Authorized, now: datetime, reason: str | None, *, is_live: bool
    ) -> Self:
        """Record that the money is held; `reason` is why it is to be released at once, or None.

        A payment that has ended keeps its state, and what is held for it is released. So does an
        abandoned one unless `is_live`.
        """
        held = evolve(
            self,
            charge_id=authorized.charge_id,
            reference=authorized.reference or self.reference,
            authorized_until=authorized.until,
        )
        if self.can_become(PaymentStatus.AUTHORIZED) and is_live:
            held = evolve(held, status=PaymentStatus.AUTHORIZED, code=None)
            return held.release(reason, now) if reason else held.schedule_check(now)
        has_ended = not self.is_open and not self.is_captured
        return held.check_now(now) if has_ended and held != self else self

    def request_capture(self, amount: Money, now: datetime) -> Self:
        """Record that so much of the authorized money is to be captured; recovery sends it now.

        It replaces a request that is not sent yet.
        """
        if amount == self.requested_capture:
            return self
        if not self.waits_for_capture and not self.is_capture_unsent:
            return self
        return evolve(
            self,
            requested_capture=amount,
            next_capture=None,
            capture_attempt=self.capture_attempt + 1,
            decided_at=now,
            next_check_at=now,
        )

    def capture_shipped(self, amount: Money, now: datetime) -> Self:
        """Record that so much is to be captured, as the newest shipment says; if it still can be.

        What may be in flight is captured, or fails before another amount is tried. More than is
        authorized replaces no request either: it is refused without asking the gateway.
        """
        if self.requested_capture is None:
            return self.request_capture(amount, now)
        if amount == self.requested_capture:
            return evolve(self, next_capture=None)
        if self.is_capture_unsent and not amount.exceeds(self.amount):
            return self.request_capture(amount, now)
        return evolve(self, next_capture=amount)

    def send_capture_until(self, check_at: datetime) -> Self:
        """Record that the caller sends the requested capture; recovery does if it is still open."""
        if not self.is_capture_unsent:
            return self
        return evolve(self, next_check_at=check_at)

    def fail_capture(self, now: datetime) -> Self:
        """Record that the requested capture has failed; another one may be requested."""
        if self.requested_capture is None:
            return self
        following = self.next_capture
        free = evolve(self, requested_capture=None)
        if following is None:
            return free.schedule_check(now)
        return free.request_capture(following, now)

    def release(self, code: str, now: datetime, reason: str | None = None) -> Self:
        """Record that the authorized money is to be released now; a requested capture is over.

        `reason` are an operator's own words.
        """
        if self.status is not PaymentStatus.AUTHORIZED or self.code is not None:
            return self
        return evolve(
            self,
            code=code,
            release_reason=reason,
            requested_capture=None,
            next_capture=None,
            decided_at=now,
            next_check_at=now,
        )

    def expire(self, now: datetime) -> Self:
        """Release an authorization that has run out; the gateway has released it, too."""
        if self.authorized_until is None or now < self.authorized_until:
            return self
        return self.release(AUTHORIZATION_EXPIRED, now)

    def approve(self, approved: Approved, now: datetime) -> Self:
        """Record that its customer has approved it, and that its money is being taken now."""
        if not self.can_become(PaymentStatus.PROCESSING):
            return self
        taken = evolve(
            self,
            status=PaymentStatus.PROCESSING,
            reference=approved.reference,
            decided_at=self.decided_at or now,  # the first request may be in flight
        )
        return taken.schedule_check(now)

    def require_action(self, action: RequiresAction | Approved, now: datetime) -> Self:
        """Record that the customer must authenticate, or has approved.

        An abandoned payment keeps its state, and is checked, to be cancelled at the gateway.
        """
        if self.can_become(PaymentStatus.REQUIRES_ACTION):
            return evolve(self, status=PaymentStatus.REQUIRES_ACTION, reference=action.reference)
        if self.status is PaymentStatus.ABANDONED:
            check_at = self.next_check_at or now
            return evolve(self, reference=action.reference, next_check_at=check_at)
        return self

    def wait_for_money(self, pending: Pending, *, is_live: bool) -> Self:
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

    def never_arrived(self, now: datetime) -> Self:
        """Record that the gateway has no record of it; a day later, it never will have one."""
        abandoned = self.abandon()
        is_over = now >= self.created_at + LATE_CAPTURE_WINDOW
        if abandoned.status is PaymentStatus.ABANDONED and is_over:
            return evolve(abandoned, next_check_at=None)
        return abandoned

    def abandon(self, code: str | None = None) -> Self:
        """Record that it never arrived; it is still checked for LATE_CAPTURE_WINDOW.

        One that has ended stays so: the gateway has nothing of it to release.
        """
        if self.has_stray_hold:
            return evolve(self, next_check_at=None)
        if not self.can_become(PaymentStatus.ABANDONED):
            return self
        return evolve(
            self,
            status=PaymentStatus.ABANDONED,
            code=code,
            next_check_at=self.created_at + 2 * ABANDON_AFTER,
            # What was never sent may be paid for with the same session again.
            reference=None if code == NOT_SENT else self.reference,
        )

    def _capture(self, status: PaymentStatus, charged: Charged, code: str | None) -> Self:
        if self.is_captured or not self.can_become(status):
            return self
        return evolve(
            self,
            status=status,
            charge_id=charged.charge_id,
            captured_amount=charged.amount,
            reference=charged.reference or self.reference,
            code=code,
            next_check_at=None,
            requested_capture=None,
            next_capture=None,
        )
