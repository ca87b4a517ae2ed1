"""SettlePayment: the only place where the outcome of a payment and its event are written."""

import logging
from collections.abc import Callable
from datetime import datetime

from attrs import frozen

from application.log_context import note, note_payment
from application.ports.alerts import AlertKind, Alerts
from application.ports.clock import Clock
from application.ports.gateways import require_gateway
from application.ports.unit_of_work import UnitOfWork
from application.retry import RetryOnConflict
from application.use_cases.changed_payments import Change
from domain.capture import CaptureFailed
from domain.identifiers import PaymentId
from domain.order import Order
from domain.order_entities import PaymentNotFound
from domain.outcome import Approved, Charged, Declined, Evidence, Refused
from domain.payment import Payment
from domain.replica import OrderReplica
from domain.second_charge import CHARGED_TWICE

logger = logging.getLogger(__name__)


AlsoCommit = Callable[[UnitOfWork, Payment], None]
"""Adds to the commit that settles a payment, given the payment as it is then."""


def _nothing_else(_work: UnitOfWork, _settled: Payment) -> None:
    pass


@frozen
class SettlePayment:
    """Record the outcome of a payment, from the evidence of a charge, a check or a webhook."""

    retry: RetryOnConflict
    alerts: Alerts
    now: Clock

    async def __call__(
        self,
        payment: Payment,
        evidence: Evidence,
        first: UnitOfWork | None = None,
        also: AlsoCommit = _nothing_else,
        *,
        is_reply: bool = False,
    ) -> Payment:
        """Settle a payment and publish the result, in one commit.

        If the database has lost the payment, such as in a failover, its order adopts it.

        Args:
            payment: the payment.
            evidence: its outcome.
            first: the unit of work that continues the claim, if the caller has just committed it.
            also: what else to commit.
            is_reply: whether this is the reply to a request to take the money of the payment, as it
                was then. Its failure changes nothing if another request may have taken it since.

        Raises:
            StorageUnavailable: nothing is known to be written; recovery will find the outcome.
        """
        is_failed = is_reply and isinstance(evidence, Declined | Refused)
        _, settled = await self._record(payment, evidence, first, also, is_failed_reply=is_failed)
        return settled

    async def begin_taking(self, payment: Payment, approved: Approved) -> tuple[Payment, bool]:
        """Decide that the money of an approved payment is taken, as above.

        Return the payment, and whether this decided it first; if not, another request may take it,
        too. A late report can let the payment wait for its customer again after the first one.
        """
        change, settled = await self._record(payment, approved)
        is_first = change.after != change.before and settled.decided_at == change.now
        return settled, is_first

    async def _record(
        self,
        payment: Payment,
        evidence: Evidence,
        first: UnitOfWork | None = None,
        also: AlsoCommit = _nothing_else,
        *,
        is_failed_reply: bool = False,
    ) -> tuple[Change, Payment]:
        async def decision(work: UnitOfWork) -> tuple[Change, Payment]:
            now = self.now()
            order = await work.orders.find_by_payment(payment.id)
            if order and is_failed_reply and order.payment(payment.id).may_be_taken_since(payment):
                change = Change(order, order, now)
            else:
                change = await self._settle(work, order, payment, evidence, now)
            settled = _settled(change, payment, evidence, now)
            also(work, settled)
            return change, settled

        note_payment(payment)
        await self.report_refusal(payment.id, evidence)
        change, settled = await self.retry(decision, first)
        await self._report_change(payment.id, change)
        return change, settled

    async def _settle(
        self,
        work: UnitOfWork,
        order: Order | None,
        payment: Payment,
        evidence: Evidence,
        now: datetime,
    ) -> Change:
        if order is not None:
            require_gateway(order.payment(payment.id), payment.gateway)
            return _save(work, Change(order, order.settle(payment.id, evidence, now), now))
        order = await _order_of_lost_payment(work, payment, evidence)
        return _save(work, Change(order, order.adopt(payment, evidence, now), now))

    async def known(self, payment_id: PaymentId, evidence: Evidence, gateway: str) -> Payment:
        """Settle a payment of which the caller only knows the id and the gateway, as above.

        Raises:
            PaymentNotFound: we have no such payment.
            AtAnotherGateway: we have it, and it is not at this gateway.
            StorageUnavailable: nothing is known to be written; recovery will find the outcome.
        """

        async def decision(work: UnitOfWork) -> Change:
            order = await work.orders.find_by_payment(payment_id)
            if order is None:
                raise PaymentNotFound(payment_id)
            note(order_id=order.replica.id)
            now = self.now()
            require_gateway(order.payment(payment_id), gateway)
            return _save(work, Change(order, order.settle(payment_id, evidence, now), now))

        note(payment_id=payment_id)
        change = await self.retry(decision)
        await self.report_refusal(payment_id, evidence)
        await self._report_change(payment_id, change)
        return change.after.payment(payment_id)

    async def fail_capture(self, sent: Payment, failed: CaptureFailed) -> Payment:
        """Record that the gateway has refused a capture, and tell the operator.

        If the database has lost the payment meanwhile, nothing is recorded: it comes back with
        what the gateway holds, when the books are compared.

        Raises:
            StorageUnavailable: nothing is known to be written; recovery captures it again.
        """

        async def decision(work: UnitOfWork) -> Payment:
            order = await work.orders.find_by_payment(sent.id)
            if order is None:
                return sent
            now = self.now()
            change = _save(work, Change(order, order.fail_capture(sent, now), now))
            return change.after.payment(sent.id)

        words = f"payment {sent.id} was not captured: {failed.code}: {failed.message}"
        logger.warning("%s", words)
        await self.alerts.report(AlertKind.CAPTURE_FAILED, sent.id, words)
        return await self.retry(decision)

    async def report_refusal(self, payment_id: PaymentId, evidence: Evidence) -> None:
        """Tell the operator, who alone can end it."""
        if isinstance(evidence, Refused):
            words = f"{evidence.code}: {evidence.message}"
            logger.warning("the gateway refuses the shop, not the card: %s: %s", payment_id, words)
            await self.alerts.report(AlertKind.GATEWAY_REFUSAL, evidence.code, words)

    async def _report_change(self, payment_id: PaymentId, change: Change) -> None:
        """Tell the operator of what was captured otherwise than shipped, and of new payments.

        Only a claim starts a payment, unless something is wrong.
        """
        for payment, shipped in change.other_shipments:
            text = (
                f"{payment.captured_amount} of payment {payment.id} was being captured when"
                f" {shipped} was shipped: the rest is released"
            )
            logger.warning("%s", text)
            await self.alerts.report(AlertKind.CAPTURE_FAILED, payment.id, text)
        known = {payment.id for payment in change.before.payments}
        for payment in change.payments:
            if payment.id in known:
                continue
            if payment.code == CHARGED_TWICE:
                kind, subject = AlertKind.CHARGED_TWICE, str(payment_id)
                text = f"payment {payment_id} has a second charge {payment.charge_id}: given back"
            else:
                kind, subject = AlertKind.BOOKS_BEHIND, "payments"
                text = f"payment {payment_id} of order {payment.order_id} was lost and is adopted"
            logger.warning("%s", text)
            await self.alerts.report(kind, subject, text)


async def _order_of_lost_payment(work: UnitOfWork, payment: Payment, evidence: Evidence) -> Order:
    """Return the order that has the reported charge already, else the payment's own order."""
    if isinstance(evidence, Charged):
        order = await work.orders.find_by_charge(evidence.charge_id)
        if order is not None:
            return order
    order = await work.orders.get(payment.order_id)
    return order or Order(OrderReplica.unknown(payment.order_id))


def _save(work: UnitOfWork, change: Change) -> Change:
    """Save an order that has changed, and publish what each changed payment has become."""
    if change.after != change.before:
        work.orders.save(change.after)
    for event in change.events:
        work.outbox.add(event)
    return change


def _settled(change: Change, payment: Payment, evidence: Evidence, now: datetime) -> Payment:
    """Return the payment after the change."""
    if any(each.id == payment.id for each in change.after.payments):
        return change.after.payment(payment.id)
    # There was nothing to record; the evidence alone says what became of the payment.
    order = Order(OrderReplica.unknown(payment.order_id)).with_payment(payment)
    return order.settle(payment.id, evidence, now).payment(payment.id)
