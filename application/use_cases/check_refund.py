"""CheckRefund: ask the gateway about a refund, send it if necessary, and settle it."""

import logging
from typing import Final

from attrs import frozen

from application.log_context import note_payment
from application.ports.alerts import AlertKind, Alerts
from application.ports.gateways import GatewayNotConfigured, Gateways
from application.ports.payment_gateway import (
    GatewayUnavailable,
    KeyRefused,
    LookupRefused,
    OutcomeUnknown,
    PaymentGateway,
)
from application.use_cases.settle_refund import SettleRefund
from application.use_cases.sync_refunds import SyncRefunds
from domain.payment import Payment
from domain.refund import Refund, RefundFailed, RefundOutcome

logger = logging.getLogger(__name__)

# As if the gateway had refused it (https://docs.stripe.com/error-codes#amount-too-large).
_TOO_LARGE: Final = RefundFailed("amount_too_large")


@frozen
class CheckRefund:
    """Ask the gateway about a refund, send it if the gateway has no record of it, and settle it."""

    gateways: Gateways
    settle: SettleRefund
    sync: SyncRefunds
    alerts: Alerts

    async def __call__(self, payment: Payment, refund: Refund) -> None:
        """Check one refund of a payment.

        Raises:
            StorageUnavailable: nothing is known to be written; the next check finds the same.
        """
        note_payment(payment)
        try:
            gateway = self.gateways.having(payment).gateway
            outcome = await self._find_or_send(gateway, payment, refund)
        except GatewayNotConfigured as missing:
            logger.warning("refund %s cannot be checked: %s", refund.id, missing)
            await self.alerts.report(AlertKind.GATEWAY_MISSING, missing.gateway, missing.alert)
            return
        except (LookupRefused, KeyRefused) as refused:
            text = f"refund {refund.id} cannot be sent or looked up: {refused}"
            await self.alerts.report(AlertKind.LOOKUP_IMPOSSIBLE, refund.id, text)
            return
        except (OutcomeUnknown, GatewayUnavailable) as error:
            logger.info("the outcome of refund %s is still unknown: %s", refund.id, error)
            return
        if outcome is None:
            if refund.is_limited:  # nothing more can be learnt of it
                await self.settle.end_checks(payment.id, refund.id)
            return
        if isinstance(outcome, RefundFailed):  # others may have refunded part of the payment
            await self.sync.if_possible(payment)
        await self.settle(payment.id, refund, outcome)

    async def _find_or_send(
        self, gateway: PaymentGateway, payment: Payment, refund: Refund
    ) -> RefundOutcome | None:
        outcome = await gateway.find_refund(payment, refund)
        if outcome is None and refund.reference is None:
            return await self._send(gateway, payment, refund)
        if outcome is None:  # the gateway had a record of it: it must not be sent a second time
            logger.warning("the gateway has no record of refund %s any more", refund.id)
        return outcome

    async def _send(
        self, gateway: PaymentGateway, payment: Payment, refund: Refund
    ) -> RefundOutcome:
        """Send a refund; one that follows a failed one only if the gateway has so much left."""
        if refund.attempt and not await self._has_room(payment, refund):
            return _TOO_LARGE
        return await gateway.refund(payment, refund)

    async def _has_room(self, payment: Payment, refund: Refund) -> bool:
        try:
            synced = await self.sync(payment)
        except LookupRefused:  # asking again is useless; only the gateway itself limits the refund
            synced = None
        return synced is None or synced.order.has_room_for(refund)
