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
    """Record the outcome of one of our refunds."""

    retry: RetryOnConflict
    now: Clock

    async def __call__(
        self, payment_id: PaymentId, refund_id: RefundId, outcome: RefundOutcome
    ) -> Refund | None:
        """Settle the refund and publish its success, in one commit; None if there is no such one.

        Raises:
            StorageUnavailable: nothing is known to be written; recovery will find the outcome.
        """

        async def decision(work: UnitOfWork) -> Refund | None:
            order = await work.orders.find_by_payment(payment_id)
            if order is None:
                return None
            settled = order.settle_refund(refund_id, outcome, self.now())
            save_refunds(work, order, settled)
            return settled.refund(refund_id)

        return await self.retry(decision)


def save_refunds(work: UnitOfWork, before: Order, after: Order) -> None:
    """Save an order whose refunds have changed, and publish each refund that has succeeded now."""
    if after == before:
        return
    work.orders.save(after)
    for refund in after.refunds:
        if refund.status is RefundStatus.SUCCEEDED and refund not in before.refunds:
            work.outbox.add(PaymentRefunded.of(refund))
