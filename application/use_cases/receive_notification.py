"""ReceiveNotification: apply a notification from a gateway, once."""

from attrs import frozen

from application.ports.clock import Clock
from application.ports.gateway_notifications import (
    ChargeNotification,
    DisputeNotification,
    ExternalRefundNotification,
    Notification,
    PaymentNotification,
    RefundNotification,
    UnrelatedNotification,
)
from application.ports.payment_gateway import PaymentGateway
from application.ports.unit_of_work import UnitOfWork
from application.retry import RetryOnConflict
from application.use_cases.apply_charge_notification import apply_charge_notification
from application.use_cases.settle_payment import SettlePayment
from application.use_cases.settle_refund import SettleRefund
from domain.identifiers import PaymentId
from domain.order_entities import PaymentNotFound
from domain.outcome import Outcome
from domain.payment import Payment, PaymentStatus


@frozen
class ReceiveNotification:
    """Apply a verified notification; a repeated one changes nothing.

    One about a charge that is not known yet is stored; ApplyDeferredNotifications applies it later.
    """

    retry: RetryOnConflict
    settle: SettlePayment
    settle_refund: SettleRefund
    gateway: PaymentGateway
    now: Clock

    async def __call__(self, notification: Notification) -> bool:
        """Return whether it was new. It is recorded after its effect is committed.

        Raises:
            StorageUnavailable: nothing is known to be written; the gateway sends it again.
        """
        if await self.retry(lambda work: work.inbox.has(notification.id)):
            return False
        try:
            await self._apply(notification)
        except PaymentNotFound:
            # It belongs to another application on the same gateway account: a payment of ours is
            # stored before anything is charged, and one that was lost since has all our labels.
            return False
        await self.retry(lambda work: self._record(work, notification.id))
        return True

    async def _apply(self, notification: Notification) -> None:
        match notification:
            case PaymentNotification(_, payment_id, outcome, claimed) if outcome is not None:
                await self._settle(payment_id, outcome, claimed)
            case PaymentNotification(_, payment_id):
                await self._check_soon(payment_id)
            case RefundNotification(_, payment_id, refund_id, outcome):
                await self.settle_refund(payment_id, refund_id, outcome)
            case ExternalRefundNotification() | DisputeNotification():
                await self._apply_or_defer(notification)
            case UnrelatedNotification():
                pass

    async def _settle(
        self, payment_id: PaymentId, outcome: Outcome, claimed: Payment | None
    ) -> None:
        """Settle a payment; one that our database has lost is adopted if its labels suffice."""
        if claimed is not None and claimed.is_at(self.gateway.name, self.gateway.livemode):
            await self.settle(claimed, outcome)
        else:
            await self.settle.known(payment_id, outcome)

    async def _check_soon(self, payment_id: PaymentId) -> None:
        """Make the check of a payment due, unless its outcome is final."""

        async def decision(work: UnitOfWork) -> None:
            order = await work.orders.find_by_payment(payment_id)
            if order is None:
                raise PaymentNotFound(payment_id)
            payment = order.payment(payment_id)
            if payment.is_open or payment.status is PaymentStatus.ABANDONED:
                work.orders.save(order.with_payment(payment.check_now(self.now())))

        await self.retry(decision)

    async def _apply_or_defer(self, notification: ChargeNotification) -> None:
        async def decision(work: UnitOfWork) -> None:
            now = self.now()
            if not await apply_charge_notification(work, notification, now):
                work.inbox.defer(notification, now)

        await self.retry(decision)

    async def _record(self, work: UnitOfWork, notification_id: str) -> None:
        if not await work.inbox.has(notification_id):
            work.inbox.add(notification_id)
