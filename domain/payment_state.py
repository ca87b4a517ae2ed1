"""PaymentState: what is stored of a payment, and what follows from it."""

from datetime import datetime, timedelta
from typing import Self

from attrs import evolve, frozen

from domain.capture import CaptureMode
from domain.check_times import (
    ABANDON_AFTER,
    CHECK_INTERVAL,
    EXPIRY_NOTICE,
    FIRST_CHECK_AFTER,
    abandoned_interval,
    authorized_check,
    open_interval,
    pending_interval,
)
from domain.identifiers import ChargeId, OrderId, PaymentId, UserId
from domain.money import Money
from domain.outcome import Authorized, Charged
from domain.payment_status import (
    AUTHORIZATION_EXPIRED,
    CANCELLABLE,
    CANCELLED_BY_CUSTOMER,
    CAPTURED,
    LIVE,
    NOT_SENT,
    OPEN,
    TRANSITIONS,
    PaymentStatus,
)


@frozen
class PaymentState:
    """The stored fields of a payment, and what follows from them."""

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
    """The gateway's code of a failure, or why it is cancelled, abandoned, reversed, in review, or
    why its authorization is being released."""
    next_check_at: datetime | None = None
    """When recovery asks the gateway about it next; None if there is nothing left to check."""
    capture_mode: CaptureMode = CaptureMode.AUTOMATIC
    authorized_until: datetime | None = None
    """When the gateway releases the money that it holds."""
    requested_capture: Money | None = None
    """How much of the authorized money is being captured."""
    next_capture: Money | None = None
    """What a newer shipment names while a capture is in flight: tried if that one fails."""
    capture_attempt: int = 0
    """How often a capture was requested or sent again; its number is a part of the key."""
    decided_at: datetime | None = None
    """When the last capture or release of its authorization was requested, or else when it was
    first decided to take what its customer has approved."""
    release_reason: str | None = None
    """Why an operator released its authorization, in their own words; nobody else's."""

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

    @property
    def waits_for_capture(self) -> bool:
        """Whether it is authorized, and nobody has decided what becomes of it."""
        is_free = self.code is None and self.requested_capture is None
        return self.status is PaymentStatus.AUTHORIZED and is_free

    @property
    def is_capture_unsent(self) -> bool:
        """Whether a capture is requested that nobody has sent yet, nor is about to send."""
        is_requested = self.requested_capture is not None
        return is_requested and self.next_check_at == self.decided_at

    @property
    def is_being_released(self) -> bool:
        """Whether its authorization is still to be released at the gateway."""
        return self.status is PaymentStatus.AUTHORIZED and self.code is not None

    @property
    def has_run_out(self) -> bool:
        """Whether its authorization is released because its time is over, and nobody wanted it."""
        return self.is_being_released and self.code == AUTHORIZATION_EXPIRED

    def may_be_taken_since(self, sent: Self) -> bool:
        """Whether another request than that of `sent` may have taken its money since then."""
        is_decided = self.decided_at is not None or self.status is PaymentStatus.AUTHORIZED
        return is_decided and self.next_check_at != sent.next_check_at

    @property
    def is_voided(self) -> bool:
        """Whether it was authorized, and the authorization was released or has run out."""
        return self.status is PaymentStatus.CANCELLED and self.charge_id is not None

    @property
    def has_stray_hold(self) -> bool:
        """Whether the gateway may hold or take money for it after it has ended; it is cancelled."""
        has_ended = self.status in (PaymentStatus.FAILED, PaymentStatus.CANCELLED)
        return has_ended and self.next_check_at is not None

    @property
    def is_known_at_gateway(self) -> bool:
        """Whether the gateway has reported it."""
        return self.reference is not None or self.charge_id is not None

    @property
    def capture_key(self) -> str:
        """The idempotency key of the requested capture.

        A capture that is sent again has another one: an authorization is captured once anyway.
        """
        return f"{self.id}:capture-{self.capture_attempt}"

    def is_at(self, gateway: str, livemode: bool) -> bool:
        """Whether it was sent to this gateway, in this mode."""
        return (self.gateway, self.livemode) == (gateway, livemode)

    def can_become(self, status: PaymentStatus) -> bool:
        """Whether TRANSITIONS allows this state to follow the current one."""
        return status in TRANSITIONS[self.status]

    def mismatch(self, reported: Charged | Authorized) -> str | None:
        """Return how a charge differs from the request (currency, amount, mode), or None.

        A part of an authorization may be captured: the requested one or, if none was requested, any
        (an operator captures it in the gateway's dashboard).
        """
        amount, expected = reported.amount, self.amount
        if amount.currency != expected.currency:
            return "currency_mismatch"
        if isinstance(reported, Charged) and self.capture_mode is CaptureMode.MANUAL:
            expected = self.requested_capture or (expected if amount.exceeds(expected) else amount)
        if amount != expected:
            return "amount_mismatch"
        return "livemode_mismatch" if reported.livemode != self.livemode else None

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

    def is_running_out(self, now: datetime) -> bool:
        """Whether its authorization runs out within EXPIRY_NOTICE, and nobody has decided yet."""
        until = self.authorized_until
        return self.waits_for_capture and until is not None and now < until <= now + EXPIRY_NOTICE

    def check_now(self, now: datetime) -> Self:
        """Make its check due immediately."""
        return evolve(self, next_check_at=now)

    def check_by(self, latest: datetime) -> Self:
        """Make its check due at this time, unless it is due before."""
        return evolve(self, next_check_at=min(self.next_check_at or latest, latest))

    def schedule_check(self, now: datetime) -> Self:
        """Set the time of the following check; it is also the lease on the check starting now."""
        age = now - self.created_at
        match self.status:
            case PaymentStatus.PENDING if not self.is_being_cancelled:
                interval: timedelta | None = pending_interval(age)
            case PaymentStatus.AUTHORIZED if self.waits_for_capture and self.authorized_until:
                next_check_at = authorized_check(age, now, self.authorized_until)
                return evolve(self, next_check_at=next_check_at)
            case PaymentStatus.AUTHORIZED if self.requested_capture is not None:
                # A gateway may repeat the error of the first request to each other with its key.
                attempt = self.capture_attempt + 1
                return evolve(self, next_check_at=now + CHECK_INTERVAL, capture_attempt=attempt)
            case PaymentStatus.ABANDONED:
                interval = abandoned_interval(age, is_known=self.is_known_at_gateway)
            case _:
                is_open = self.is_open or self.has_stray_hold
                interval = open_interval(age) if is_open else None
        return evolve(self, next_check_at=None if interval is None else now + interval)
