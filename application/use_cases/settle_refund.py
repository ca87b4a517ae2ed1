"""SettleRefund: the only place where the outcome of a refund and its event are written."""

from attrs import frozen

from application.ports.clock import Clock
from application.ports.unit_of_work import UnitOfWork
from application.retry import RetryOnConflict
from domain.events import PaymentRefunded
from domain.identifiers import PaymentId, RefundId
from domain.order import Order
from domain.refund import Refund, RefundOutcome, RefundStatus


@frozen
class SettleRefund:
    """Record the outcome of a refund of ours."""

    retry: RetryOnConflict
    now: Clock

    async def __call__(
        self, payment_id: PaymentId, refund_id: RefundId, outcome: RefundOutcome
    ) -> Refund | None:
        """Settle the refund and publish its success, in one commit; None if it is unknown.

        Raises:
            StorageUnavailable: nothing is known to be written; recovery will find the outcome.
        """

        async def decision(work: UnitOfWork) -> Refund | None:
            order = await work.orders.find_by_payment(payment_id)
            if order is None:
                return None
            settled = order.settle_refund(refund_id, outcome, self.now())
            save_refund(work, order, settled, refund_id)
            return settled.refund(refund_id)

        return await self.retry(decision)


def save_refund(work: UnitOfWork, before: Order, after: Order, refund_id: RefundId) -> None:
    """Save an order after a report about one of its refunds, and publish the refund's success."""
    if after == before:
        return
    work.orders.save(after)
    refund = after.refund(refund_id)
    if refund is not None and refund.status is RefundStatus.SUCCEEDED:
        work.outbox.add(PaymentRefunded.of(refund))
