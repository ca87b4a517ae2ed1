"""CheckPayment: ask the gateway about a payment, and settle it with the outcome."""

import asyncio
import logging

from attrs import evolve, frozen

from application.log_context import note_payment
from application.ports.alerts import AlertKind, Alerts
from application.ports.clock import Clock
from application.ports.gateways import GatewayNotConfigured, Gateways
from application.ports.payment_gateway import (
    LOOKUP_SECONDS,
    GatewayUnavailable,
    LookupRefused,
    OutcomeUnknown,
)
from application.use_cases.settle_payment import SettlePayment
from application.use_cases.take_approved import TakeApproved
from domain.outcome import Approved, Evidence, NeverArrived, Pending
from domain.payment import Payment
from domain.payment_status import PaymentStatus

logger = logging.getLogger(__name__)


@frozen
class CheckedPayment:
    """A payment after a check, and the evidence that was found, if any."""

    payment: Payment
    evidence: Evidence | None = None


@frozen
class CheckPayment:
    """Ask the gateway about a payment and settle it with the outcome.

    No card is ever charged. Only what we have claimed and its customer has approved is continued:
    the money is taken, or the payment is cancelled if its order may not have it any more.
    """

    gateways: Gateways
    settle: SettlePayment
    take: TakeApproved
    alerts: Alerts
    now: Clock

    async def __call__(
        self, payment: Payment, *, cancel: bool = False, within: float = LOOKUP_SECONDS
    ) -> CheckedPayment:
        """Check a payment; cancel it first if `cancel` is set and the gateway still can.

        Args:
            payment: the payment.
            cancel: whether to cancel it.
            within: how many seconds the gateway has; less if a customer waits for the result.

        Raises:
            StorageUnavailable: as for SettlePayment.
        """
        note_payment(payment)
        evidence = await self._ask(payment, cancel, within)
        if evidence is None:
            return CheckedPayment(payment)
        if isinstance(evidence, Approved):
            return await self._continue(payment, evidence, within)
        return CheckedPayment(await self.settle(payment, evidence), evidence)

    async def _continue(
        self, payment: Payment, approved: Approved, within: float
    ) -> CheckedPayment:
        taken, evidence = await self.take(payment, approved, self.gateways.having(payment))
        if evidence == approved and taken.status is PaymentStatus.REQUIRES_ACTION:
            return await self(taken, cancel=True, within=within)
        return CheckedPayment(taken, evidence)

    async def _ask(self, payment: Payment, cancel: bool, within: float) -> Evidence | None:
        try:
            gateway = self.gateways.having(payment).gateway
        except GatewayNotConfigured as missing:
            logger.warning("payment %s cannot be checked: %s", payment.id, missing)
            await self.alerts.report(AlertKind.GATEWAY_MISSING, missing.gateway, missing.alert)
            return None  # another gateway cannot have a record of it, so its reply proves nothing
        asked_at = self.now()
        ask = gateway.cancel if cancel else gateway.find
        try:
            async with asyncio.timeout(within):
                outcome = await ask(payment)
        except LookupRefused as refused:
            text = f"the outcome of payment {payment.id} is unknown and cannot be found: {refused}"
            await self.alerts.report(AlertKind.LOOKUP_IMPOSSIBLE, payment.id, text)
            return None
        except (OutcomeUnknown, GatewayUnavailable, TimeoutError) as error:
            logger.info("the outcome of payment %s is still unknown: %s", payment.id, error)
            return None
        if cancel and isinstance(outcome, Approved):
            logger.error("the gateway did not cancel payment %s, which is approved", payment.id)
            return None
        if outcome is None and not payment.may_have_arrived(asked_at):
            return NeverArrived()
        if cancel and isinstance(outcome, Pending):
            return evolve(outcome, cannot_be_cancelled=True)
        return outcome
