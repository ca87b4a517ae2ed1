"""Sessions as a simulated gateway records them; the customer approves one before it is charged."""

import re
from datetime import datetime
from typing import Final
from urllib.parse import urlencode, urljoin

from attrs import evolve, field, frozen

from application.ports.gateway_sessions import SessionRequest
from domain.capture import CaptureMode
from domain.identifiers import OrderId, PaymentId
from domain.money import Money
from domain.outcome import Declined, RequiresAction
from domain.payment import Payment

_TOKEN: Final = re.compile(r"session_[A-Za-z0-9-]{1,64}")

UNKNOWN: Final = Declined("session_unknown")
"""The outcome of a charge with the token of no session."""


def reference_of(token: str) -> str | None:
    """Return the token if it is one of a session; None for a card's."""
    return token if _TOKEN.fullmatch(token) else None


@frozen
class SessionRecord:
    """A session: for which payment it may be used, and what its customer has done."""

    token: str
    order_id: OrderId
    amount: Money
    capture_mode: CaptureMode
    return_url: str = field(repr=False)
    cancel_url: str = field(repr=False)
    approved_at: datetime | None = None
    payment_id: PaymentId | None = None
    """The payment that it is used for."""
    is_closed: bool = False
    """Whether it was cancelled; nothing is taken any more."""

    @classmethod
    def of(cls, token: str, request: SessionRequest) -> "SessionRecord":
        """Return a new session, as it was requested."""
        return cls(
            token=token,
            order_id=request.order_id,
            amount=request.amount,
            capture_mode=request.capture_mode,
            return_url=request.return_url,
            cancel_url=request.cancel_url,
        )

    @property
    def approve_url(self) -> str:
        """The page where the customer approves: at the same origin as the page they return to."""
        query = urlencode(
            {"session": self.token, "returnUrl": self.return_url, "cancelUrl": self.cancel_url}
        )
        return f"{urljoin(self.return_url, '/approve')}?{query}"

    @property
    def action(self) -> RequiresAction:
        """What the customer must do."""
        return RequiresAction(self.token, redirect_url=self.approve_url)

    def rejection(self, payment: Payment) -> Declined | None:
        """Return why this payment may not use the session; None if it may."""
        agreed = (self.order_id, self.amount, self.capture_mode)
        if agreed != (payment.order_id, payment.amount, payment.capture_mode):
            return Declined("session_mismatch", self.token)
        if self.payment_id not in (None, payment.id):
            return Declined("session_used", self.token)
        return None

    def approve(self, now: datetime) -> "SessionRecord":
        """Record the customer's approval; it comes too late after a cancellation."""
        is_late = self.is_closed or self.approved_at is not None
        return self if is_late else evolve(self, approved_at=now)

    def is_news(self, before: "SessionRecord | None") -> bool:
        """Whether its customer has approved it since then."""
        return self.approved_at is not None and (before is None or before.approved_at is None)

    def use(self, payment: Payment) -> "SessionRecord":
        """Record the payment that it is used for."""
        return evolve(self, payment_id=payment.id)

    def close(self) -> "SessionRecord":
        """Let nothing be taken any more."""
        return evolve(self, is_closed=True)
