"""Authorize now, capture later: what not every gateway can do."""

from collections.abc import Awaitable, Callable

from attrs import frozen

from application.ports.payment_gateway import PaymentGateway
from domain.capture import CaptureFailed
from domain.outcome import Outcome
from domain.payment import Payment

Capture = Callable[[Payment], Awaitable[Outcome | CaptureFailed]]
"""Capture `payment.requested_capture` of what is authorized, and release the rest; at most once.

Returns what `find` returns afterwards, also if it was captured or released before, or
`CaptureFailed` if the gateway has refused this capture and the authorization is unchanged.
`payment.capture_key` is the idempotency key. It ends within CALL_SECONDS.

Raises:
    OutcomeUnknown: the money may or may not have been captured.
    GatewayUnavailable: nothing was captured.
"""


@frozen
class GatewayCaptures:
    """How one gateway captures what it has authorized; None if it can only capture at once.

    Promises, checked by payments_kit/conformance/capture_promises.py on every adapter that can. It
    is optional: an adapter without the method `capture` keeps working, and is never asked to
    authorize.
    """

    capture: Capture | None = None

    @classmethod
    def of(cls, gateway: PaymentGateway) -> "GatewayCaptures":
        """Return what a gateway can do: its method `capture`, if it has one."""
        method = getattr(gateway, "capture", None)
        return cls(method if callable(method) else None)
