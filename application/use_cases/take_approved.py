"""TakeApproved: take the money of a payment that its customer has approved."""

import asyncio
import logging

from attrs import frozen

from application.ports.alerts import AlertKind, Alerts
from application.ports.clock import Clock
from application.ports.gateway_sessions import Take
from application.ports.gateways import ConfiguredGateway
from application.ports.payment_gateway import (
    CALL_SECONDS,
    GatewayUnavailable,
    KeyRefused,
    LookupRefused,
    OutcomeUnknown,
)
from application.use_cases.books_guard import BooksGuards
from application.use_cases.settle_payment import SettlePayment
from domain.check_times import FIRST_CHECK_AFTER
from domain.outcome import Approved, Evidence, Outcome
from domain.payment import Payment
from domain.payment_status import PaymentStatus

logger = logging.getLogger(__name__)


@frozen
class TakeApproved:
    """Take the money of an approved payment, if its order still may have it; at most once.

    The decision is a commit, made on compared books: a cancellation comes before it, and nothing is
    taken, or after it, and the money is given back. Processes that decide at the same time send the
    same request with the same key.
    """

    settle: SettlePayment
    guards: BooksGuards
    alerts: Alerts
    now: Clock

    async def __call__(
        self, payment: Payment, approved: Approved, at: ConfiguredGateway
    ) -> tuple[Payment, Evidence | None]:
        """Return the payment afterwards, and the evidence: None if the outcome is unknown.

        The evidence is still `approved` if nothing was taken: a payment that requires action is to
        be cancelled then.

        Raises:
            StorageUnavailable: nothing is known to be written; it is taken later.
        """
        if at.sessions.take is None:
            await self._report(payment, "the gateway's adapter has no `take`")
            return payment, None
        guard = self.guards.of(at)
        try:
            generation = await guard()
        except GatewayUnavailable as unavailable:
            logger.info("payment %s cannot be taken yet: %s", payment.id, unavailable)
            return payment, None
        decided_at = self.now()
        decided = await self.settle(payment, approved)
        if decided.status is not PaymentStatus.PROCESSING:
            return decided, approved
        # A process that was suspended must decide again.
        if not guard.holds(generation) or self.now() >= decided_at + FIRST_CHECK_AFTER:
            return decided, None
        outcome = await self._take(decided, at.sessions.take)
        if outcome is None or isinstance(outcome, Approved):
            return decided, None
        return await self.settle(decided, outcome), outcome

    async def _take(self, payment: Payment, take: Take) -> Outcome | None:
        try:
            async with asyncio.timeout(CALL_SECONDS):
                return await take(payment)
        except (LookupRefused, KeyRefused) as refused:
            await self._report(payment, str(refused))
        except (OutcomeUnknown, GatewayUnavailable, TimeoutError) as error:
            logger.info("whether payment %s is taken is unknown: %s", payment.id, error)
        return None

    async def _report(self, payment: Payment, problem: str) -> None:
        text = f"payment {payment.id} is approved and cannot be taken: {problem}"
        await self.alerts.report(AlertKind.LOOKUP_IMPOSSIBLE, payment.id, text)
