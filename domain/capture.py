"""Capture: when the money of a payment is captured, and why a capture may not be requested."""

from enum import Enum

from attrs import field, frozen

from domain.errors import DomainError
from domain.identifiers import PaymentId
from domain.money import Money
from domain.outcome import bounded
from domain.payment_status import PaymentStatus


class CaptureMode(Enum):
    """When the money of a payment is captured."""

    AUTOMATIC = "automatic"
    """At once, when the payment is made."""
    MANUAL = "manual"
    """Later, on demand; until then it is only authorized."""


@frozen
class CaptureFailed:
    """The gateway did not capture the money and will not; the authorization is unchanged."""

    code: str
    message: str = field(converter=bounded)
    """The gateway's own words, for operators; they contain no secret and no token."""


@frozen
class NotAuthorized(DomainError):
    """The payment holds no money that could be captured or released."""

    payment_id: PaymentId
    status: PaymentStatus


@frozen
class BeingReleased(DomainError):
    """The authorization is being released; nothing of it can be captured any more."""

    payment_id: PaymentId


@frozen
class BeingCaptured(DomainError):
    """Another capture of the authorization is in progress."""

    payment_id: PaymentId


@frozen
class CaptureCurrencyMismatch(DomainError):
    """The capture is in another currency than the payment."""

    payment_id: PaymentId
    authorized: Money


@frozen
class CaptureExceedsAuthorization(DomainError):
    """The capture is zero, or larger than what is authorized."""

    payment_id: PaymentId
    authorized: Money
