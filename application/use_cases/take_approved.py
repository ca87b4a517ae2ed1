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
    LOOKUP_SECONDS,
    GatewayUnavailable,
    KeyRefused,
    LookupRefused,
    OutcomeUnknown,
    PaymentGateway,
)
from application.use_cases.books_guard import BooksGuards
from application.use_cases.settle_payment import SettlePayment
from domain.check_times import FIRST_CHECK_AFTER
from domain.outcome import Approved, Declined, Evidence, Outcome, Refused
from domain.payment import Payment
from domain.payment_status import PaymentStatus

logger = logging.getLogger(__name__)


@frozen
class TakeApproved:
    """Take the money of an approved payment, if its order still may have it; at most once.

    The decision is a commit, made on compared books: a cancellation comes before it, and nothing is
    taken, or after it, and the money is given back. Processes that decide at the same time send the
    same request with the same key. So a decline or a refusal ends the payment only if no other
    request can still take the money: what was approved is released first.
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
            generation = await self.guards.compare(guard)
        except GatewayUnavailable as unavailable:
            logger.info("payment %s cannot be taken yet: %s", payment.id, unavailable)
            return payment, None
        decided_at = self.now()
        decided, is_first = await self.settle.begin_taking(payment, approved)
        if decided.status is not PaymentStatus.PROCESSING:
            return decided, approved
        # A process that was suspended must decide again.
        if not guard.holds(generation) or self.now() >= decided_at + FIRST_CHECK_AFTER:
            return decided, None
        outcome = await self._take(decided, at.sessions.take)
        # Until its next check, only the process whose commit has decided sends a request.
        check_at = decided.next_check_at
        is_alone = is_first and check_at is not None and self.now() < check_at
        if isinstance(outcome, Declined | Refused) and not is_alone:
            outcome = await self._release(decided, at.gateway, outcome)
        if outcome is None or isinstance(outcome, Approved):
            return decided, None
        return await self.settle(decided, outcome, is_reply=True), outcome

    async def _take(self, payment: Payment, take: Take) -> Outcome | None:
        try:
            async with asyncio.timeout(CALL_SECONDS):
                return await take(payment)
        except (LookupRefused, KeyRefused) as refused:
            await self._report(payment, str(refused))
        except (OutcomeUnknown, GatewayUnavailable, TimeoutError) as error:
            logger.info("whether payment %s is taken is unknown: %s", payment.id, error)
        return None

    async def _release(
        self, payment: Payment, gateway: PaymentGateway, failed: Declined | Refused
    ) -> Outcome | None:
        """Release what was approved: another request of ours may still take what this one did not.

        Return the outcome that the gateway then reports; `failed` if nothing was taken.
        """
        await self.settle.report_refusal(payment.id, failed)
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                outcome = await gateway.cancel(payment)
        except LookupRefused as impossible:
            await self._report(payment, str(impossible))
            return None
        except (OutcomeUnknown, GatewayUnavailable, TimeoutError) as error:
            logger.info("whether payment %s is released is unknown: %s", payment.id, error)
            return None
        return failed if isinstance(outcome, Declined) else outcome

    async def _report(self, payment: Payment, problem: str) -> None:
        text = f"payment {payment.id} is approved and cannot be taken: {problem}"
        await self.alerts.report(AlertKind.LOOKUP_IMPOSSIBLE, payment.id, text)
