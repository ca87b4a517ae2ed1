"""SettlePayment: the only place where the outcome of a payment and its event are written."""

import logging

from attrs import frozen

from application.ports.clock import Clock
from application.ports.unit_of_work import UnitOfWork
from application.retry import RetryOnConflict
from domain.events import PaymentCreated, PaymentFailed
from domain.identifiers import PaymentId
from domain.order_entities import PaymentNotFound
from domain.outcome import Evidence, Refused
from domain.payment import Payment, PaymentStatus

logger = logging.getLogger(__name__)


@frozen
class SettlePayment:
    """Record the outcome of a payment, from the evidence of a charge, a check or a webhook."""

    retry: RetryOnConflict
    now: Clock

    async def __call__(self, payment_id: PaymentId, evidence: Evidence) -> Payment:
        """Settle the payment and publish the result, in one commit.

        Raises:
            PaymentNotFound: we have no such payment.
            ContradictoryOutcome: the gateway reports two charges for it.
            StorageUnavailable: nothing is known to be written; recovery will find the outcome.
        """
        if isinstance(evidence, Refused):
            _report(payment_id, evidence)
        return await self.retry(lambda work: self._settle(work, payment_id, evidence))

    async def _settle(self, work: UnitOfWork, payment_id: PaymentId, evidence: Evidence) -> Payment:
        order = await work.orders.find_by_payment(payment_id)
        if order is None:
            raise PaymentNotFound(payment_id)
        settled = order.settle(payment_id, evidence, self.now())
        payment = settled.payment(payment_id)
        if settled == order:
            return payment
        work.orders.save(settled)
        if payment.status is PaymentStatus.SUCCEEDED:
            work.outbox.add(PaymentCreated.of(payment))
        elif payment.status in (PaymentStatus.FAILED, PaymentStatus.ABANDONED):
            work.outbox.add(PaymentFailed.of(payment))
        return payment


def _report(payment_id: PaymentId, refused: Refused) -> None:
    """Tell the operator, who alone can end it."""
    logger.warning(
        "the gateway refuses the shop, not the card: payment %s, %s: %s",
        payment_id,
        refused.code,
        refused.message,
    )
