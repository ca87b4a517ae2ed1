"""CreateCharge: pay for an order."""

import asyncio
import logging
from contextlib import suppress
from typing import Final

from attrs import evolve, frozen

from application.log_context import note
from application.ports.alerts import AlertKind, Alerts
from application.ports.clock import Clock
from application.ports.idempotency_store import IdempotencyKeyReused, RequestInProgress
from application.ports.payment_gateway import (
    CALL_SECONDS,
    CardToken,
    GatewayUnavailable,
    KeyRefused,
    OutcomeUnknown,
)
from application.ports.unit_of_work import StorageUnavailable, UnitOfWork
from application.use_cases.check_payment import CheckPayment
from application.use_cases.claim_order import CaptureUnsupported, Claim, ClaimOrder
from application.use_cases.limit_declines import LimitDeclines
from application.use_cases.pay_order import ChargeResult, PayOrder
from application.use_cases.settle_payment import SettlePayment
from application.use_cases.store_reply import StoreReply
from domain.claim import AlreadyPaid, PaymentInProgress
from domain.outcome import Authorized, Declined, Evidence, Outcome, Pending, Refused, RequiresAction
from domain.payment import Payment
from domain.payment_status import PaymentStatus

logger = logging.getLogger(__name__)

CANCEL_SECONDS: Final = 5.0
"""How long a customer waits until their earlier payment is cancelled and the order can be charged:
a cancellation asks no bank, and with the charge it stays within the 30 s that proxies wait."""


@frozen
class CreateCharge:
    """Pay for an order: claim it, charge it, settle it.

    The caller must run it to its end in a task of its own, even if the customer disconnects.
    """

    claim: ClaimOrder
    settle: SettlePayment
    check: CheckPayment
    store_reply: StoreReply
    declines: LimitDeclines
    alerts: Alerts
    now: Clock

    async def __call__(self, command: PayOrder) -> ChargeResult:
        """Charge the order to the card, once and only once.

        A payment that is still `processing` afterwards has an unknown outcome; recovery settles
        it. If the customer was sent to their bank before, the gateway is asked for the result,
        and no card is charged; what the customer has approved meanwhile is taken.

        With an idempotency key, a request is begun in the commit of the claim, and a final reply
        is stored in the commit that settles the payment.

        Raises:
            RequestRepeated: the reply to the first request with the same key.
            RequestInProgress, IdempotencyKeyReused: there is none, or it is not for this request.
            TooManyDeclines: one of the sources has had too many declined cards.
            OrderNotFound, NotYourOrder, OrderCancelled, OrderExpired, NothingDue, AmountMismatch:
                the order may not be paid.
            AlreadyPaid, PaymentInProgress: another payment has paid the order, or still may; both
                carry that payment only if it is the payer's own.
            GatewayNotOffered: the order may not be paid at the gateway that the payer names.
            CaptureUnsupported: no gateway can authorize, as the order needs.
            GatewayUnavailable, StorageUnavailable: nothing was charged.
        """
        note(order_id=command.order_id)
        try:
            claim = await self.claim(command)
        except CaptureUnsupported as unsupported:
            text = f"capture_unsupported: {unsupported.gateway} can capture at once only"
            logger.warning("order %s cannot be paid: %s", command.order_id, text)
            await self.alerts.report(AlertKind.GATEWAY_REFUSAL, "capture_unsupported", text)
            raise
        except AlreadyPaid as already_paid:
            # Unlike other errors, this one is final: an order that is paid stays paid.
            await self.store_reply(command, already_paid)
            raise
        except PaymentInProgress as in_progress:
            result = await self._check_authentication(in_progress, command)
            if result.payment.status is PaymentStatus.CANCELLED:
                return await self(command)  # it was cancelled, so the order can be claimed now
            await self.store_reply(command, result)
            return result
        try:
            outcome = await self._charge(claim, command.token)
        except GatewayUnavailable as unavailable:
            is_released = await self.claim.release(command, claim)
            await self._report(claim.at.name, unavailable)
            if not is_released:
                return await self._processing(command, claim.payment)
            raise
        except OutcomeUnknown as unknown:
            logger.warning("the outcome of a payment is unknown: %s", unknown)
            return await self._processing(command, claim.payment)
        await self._count_decline(outcome, command)
        result = await self._settle(command, claim, outcome)
        if isinstance(outcome, RequiresAction) and result.payment.status is PaymentStatus.FAILED:
            await self.declines.record(command.sources)  # it failed before the reply
        return result

    async def _check_authentication(
        self, in_progress: PaymentInProgress, command: PayOrder
    ) -> ChargeResult:
        """Check a payment that its customer can end, or cancels; raise the error for any other."""
        payment = in_progress.payment
        if payment is None or not (
            payment.status is PaymentStatus.REQUIRES_ACTION or payment.is_being_cancelled
        ):
            raise in_progress
        cancel = payment.is_being_cancelled
        within = CANCEL_SECONDS if cancel else CALL_SECONDS
        try:
            # What is approved is taken as well, and that has no time of its own: recovery goes on.
            async with asyncio.timeout(within):
                checked = await self.check(payment, cancel=cancel, within=within)
        except (StorageUnavailable, TimeoutError):
            raise in_progress from None
        if checked.evidence is None:
            raise PaymentInProgress(in_progress.order_id, checked.payment)
        if payment.is_being_cancelled and checked.payment.is_open:
            raise PaymentInProgress(in_progress.order_id, checked.payment)
        if checked.payment.status is PaymentStatus.FAILED:
            await self._count_decline(checked.evidence, command)
        return _result(checked.payment, checked.evidence, is_new=False)

    async def _charge(self, claim: Claim, token: CardToken) -> Outcome:
        if not claim.payment.may_be_sent(self.now()):
            raise GatewayUnavailable("too much time between claim and charge")
        at, health = claim.at, self.claim.health
        try:
            outcome = await at.gateway.charge(claim.payment, token)
        except (GatewayUnavailable, OutcomeUnknown):
            health.failed(at.name)
            raise
        health.answered(at.name)
        return outcome

    async def _report(self, gateway: str, unavailable: GatewayUnavailable) -> None:
        logger.warning("nothing was sent for a payment: %s", unavailable)
        if isinstance(unavailable, KeyRefused):
            await self.alerts.report(AlertKind.GATEWAY_KEY_REFUSED, gateway, str(unavailable))

    async def _count_decline(self, evidence: Evidence, command: PayOrder) -> None:
        if isinstance(evidence, Declined):
            await self.declines.record(command.sources)

    async def _settle(self, command: PayOrder, claim: Claim, outcome: Outcome) -> ChargeResult:
        attempts = 0

        def store_reply(work: UnitOfWork, settled: Payment) -> None:
            nonlocal attempts
            attempts += 1
            if command.request is not None:
                result = _result(settled, outcome, is_new=True)
                command.request.end(work, settled.id, result)

        try:
            settled = await self.settle(
                claim.payment, outcome, claim.work.continued(), store_reply, is_reply=True
            )
            result = _result(settled, outcome, is_new=True)
            if attempts > 1:
                await self.store_reply.compare(command, result)
        except StorageUnavailable:
            return await self._processing(command, claim.payment)  # recovery finds the outcome
        return result

    async def _processing(self, command: PayOrder, payment: Payment) -> ChargeResult:
        """Return the result of a payment whose outcome is not settled."""
        result = ChargeResult(payment)
        # A database that has lost transactions may know an earlier request with this key only.
        # That request was refused, and this one may have charged.
        with suppress(RequestInProgress, IdempotencyKeyReused):
            await self.store_reply(command, result, payment.id)
        return result


def _result(payment: Payment, evidence: Evidence, *, is_new: bool) -> ChargeResult:
    if payment.status is PaymentStatus.ABANDONED and isinstance(evidence, Pending | Authorized):
        # Beside another payment. It is cancelled, or live again once that one has ended.
        payment = evolve(payment, status=PaymentStatus.PROCESSING)
    match evidence:
        case RequiresAction():
            action: RequiresAction | None = evidence
        case Pending():
            action = evidence.action
        case _:
            action = None
    is_refused = isinstance(evidence, Refused) and payment.status is PaymentStatus.FAILED
    return ChargeResult(payment, action, is_new, is_refused)
