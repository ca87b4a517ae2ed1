"""SendCapture: capture what was requested of an authorization, and settle it."""

import logging
from typing import Final

from attrs import frozen

from application.log_context import note_payment
from application.ports.alerts import AlertKind, Alerts
from application.ports.gateways import ConfiguredGateway, GatewayNotConfigured, Gateways
from application.ports.payment_gateway import (
    GatewayUnavailable,
    KeyRefused,
    LookupRefused,
    OutcomeUnknown,
)
from application.use_cases.settle_payment import SettlePayment
from domain.capture import CaptureFailed
from domain.outcome import Outcome
from domain.payment import Payment

logger = logging.getLogger(__name__)

# As if the gateway had refused it: `order:shipped` may name any amount.
_TOO_LARGE: Final = CaptureFailed("amount_too_large", "more than is authorized was to be captured")
_UNSUPPORTED: Final = CaptureFailed("capture_unsupported", "this gateway captures at once only")


@frozen
class CaptureResult:
    """A payment after a capture was sent."""

    payment: Payment
    failed: CaptureFailed | None = None
    """Why the gateway has refused the capture, if it has."""


@frozen
class SendCapture:
    """Capture an authorization as requested; what is sent again is captured once.

    The gateway captures an authorization at most once, whatever the key, so a capture whose outcome
    is unknown is sent again.
    """

    gateways: Gateways
    settle: SettlePayment
    alerts: Alerts

    async def __call__(self, payment: Payment) -> CaptureResult:
        """Return the payment afterwards; it is still being captured if the outcome is unknown.

        `payment` has a requested capture.

        Raises:
            StorageUnavailable: nothing is known to be written; it is sent again later.
        """
        note_payment(payment)
        try:
            outcome = await _capture(self.gateways.having(payment), payment)
        except GatewayNotConfigured as missing:
            logger.warning("payment %s cannot be captured: %s", payment.id, missing)
            await self.alerts.report(AlertKind.GATEWAY_MISSING, missing.gateway, missing.alert)
            return CaptureResult(payment)
        except (LookupRefused, KeyRefused) as refused:
            text = f"payment {payment.id} cannot be captured: {refused}"
            await self.alerts.report(AlertKind.LOOKUP_IMPOSSIBLE, payment.id, text)
            return CaptureResult(payment)
        except (OutcomeUnknown, GatewayUnavailable) as error:
            logger.info("the capture of payment %s is still unknown: %s", payment.id, error)
            return CaptureResult(payment)
        if isinstance(outcome, CaptureFailed):
            return CaptureResult(await self.settle.fail_capture(payment, outcome), outcome)
        return CaptureResult(await self.settle(payment, outcome))


async def _capture(at: ConfiguredGateway, payment: Payment) -> Outcome | CaptureFailed:
    requested = payment.requested_capture
    if requested is None or requested.exceeds(payment.amount):
        return _TOO_LARGE
    if at.captures.capture is None:
        return _UNSUPPORTED
    return await at.captures.capture(payment)
