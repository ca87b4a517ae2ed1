"""SettleRefund: the only place where the outcome of a refund and its event are written."""

from collections.abc import Sequence

from attrs import evolve, frozen

from application.log_context import note_payment
from application.ports.alerts import AlertKind, Alerts
from application.ports.clock import Clock
from application.ports.unit_of_work import UnitOfWork
from application.retry import RetryOnConflict
from domain.events import PaymentRefunded, PaymentRefundFailed
from domain.identifiers import PaymentId, RefundId
from domain.order import Order
from domain.refund import DOUBTFUL, REFUNDED_EXTERNALLY, Refund, RefundOutcome, RefundStatus


@frozen
class SettleRefund:
    """Record the outcome of one of our refunds."""

    retry: RetryOnConflict
    alerts: Alerts
    now: Clock

    async def __call__(
        self,
        payment_id: PaymentId,
        sent: Refund,
        outcome: RefundOutcome,
        first: UnitOfWork | None = None,
    ) -> Refund | None:
        """Settle the refund and publish its success, in one commit.

        If the database has lost the refund, such as in a failover, it is recorded again. Returns
        None if nothing is known of it or of its payment.

        `first` is the unit of work that continues the reservation, if the caller has committed it.

        Raises:
            StorageUnavailable: nothing is known to be written; recovery will find the outcome.
        """

        async def decision(work: UnitOfWork) -> tuple[Refund | None, Sequence[Refund]]:
            order = await work.orders.find_by_payment(payment_id)
            if order is None:
                return None, ()
            note_payment(order.payment(payment_id))
            settled = order.settle_sent_refund(sent, outcome, self.now())
            return settled.refund(sent.id), save_refunds(work, order, settled)

        refund, doubtful = await self.retry(decision, first)
        await report_doubtful(self.alerts, doubtful)
        return refund

    async def end_checks(self, payment_id: PaymentId, refund_id: RefundId) -> None:
        """Ask no more about a refund that counts as less than the gateway had reported.

        Raises:
            StorageUnavailable: nothing is known to be written; it is checked again.
        """

        async def decision(work: UnitOfWork) -> None:
            order = await work.orders.find_by_payment(payment_id)
            refund = None if order is None else order.refund(refund_id)
            if order is not None and refund is not None and refund.is_limited:
                work.orders.save(order.with_refund(evolve(refund, next_check_at=None)))

        await self.retry(decision)


def save_refunds(work: UnitOfWork, before: Order, after: Order) -> Sequence[Refund]:
    """Save an order whose refunds have changed, and publish each that has succeeded or failed now.

    A failure is not published if another refund follows, unless the success was published. One that
    counts as less than the gateway reports is published once its amount is known.

    Returns the changed refunds that an operator must look at; see `report_doubtful`.
    """
    if after == before:
        return ()
    work.orders.save(after)
    known = {each.id: evolve(each, next_check_at=None) for each in before.refunds}
    changed = [
        each for each in after.refunds if evolve(each, next_check_at=None) != known.get(each.id)
    ]
    for refund in changed:
        if refund.status is RefundStatus.SUCCEEDED:
            if not refund.amount.is_zero and not refund.is_limited:
                work.outbox.add(PaymentRefunded.of(refund))
        elif refund.status is RefundStatus.FAILED and _is_missed(refund, before, after):
            work.outbox.add(PaymentRefundFailed.of(refund))
    return [refund for refund in changed if refund.code in DOUBTFUL]


def _is_missed(failed: Refund, before: Order, after: Order) -> bool:
    """Whether the money of a refund that has failed should be back, or was announced to be."""
    if failed.code == REFUNDED_EXTERNALLY:
        return False  # it is back: another refund has this one's money
    earlier = before.refund(failed.id)
    was_announced = earlier is not None and earlier.status is RefundStatus.SUCCEEDED
    return was_announced or not after.refundable(after.payment(failed.payment_id)).is_zero


async def report_doubtful(alerts: Alerts, refunds: Sequence[Refund]) -> None:
    """Tell an operator about refunds whose amount is not what the gateway reports."""
    for refund in refunds:
        await alerts.report(
            AlertKind.EXTERNAL_REFUND_MISMATCH,
            refund.payment_id,
            f"refund {refund.reference} of payment {refund.payment_id} counts as {refund.amount},"
            f" which is not what the gateway reports: {refund.code}",
        )
