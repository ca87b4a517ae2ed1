"""ReceiveNotification: apply a notification from a gateway, once."""

from collections.abc import Sequence

from attrs import evolve, frozen

from application.log_context import note, note_payment
from application.ports.alerts import AlertKind, Alerts
from application.ports.clock import Clock
from application.ports.gateway_notifications import (
    ChargeNotification,
    DisputeNotification,
    ExternalRefundNotification,
    PaymentNotification,
    RefundNotification,
    SessionNotification,
    UnrelatedNotification,
    UsableNotification,
)
from application.ports.gateways import require_gateway
from application.ports.payment_gateway import GatewayUnavailable, LookupRefused, OutcomeUnknown
from application.ports.unit_of_work import UnitOfWork
from application.retry import RetryOnConflict
from application.use_cases.apply_charge_notification import apply_charge_notification
from application.use_cases.find_lost_payment import FindLostPayment
from application.use_cases.settle_payment import SettlePayment
from application.use_cases.settle_refund import report_doubtful, save_refunds
from application.use_cases.sync_refunds import SyncRefunds
from domain.identifiers import PaymentId
from domain.money import Money
from domain.order import Order
from domain.order_entities import PaymentNotFound
from domain.outcome import Approved, Charged, Outcome
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from domain.refund import Refund


@frozen
class ReceiveNotification:
    """Apply a verified notification; a repeated one changes nothing.

    One about a charge that is not known yet is stored; ApplyDeferredNotifications applies it later.
    """

    retry: RetryOnConflict
    settle: SettlePayment
    sync: SyncRefunds
    find_lost: FindLostPayment
    alerts: Alerts
    now: Clock

    async def __call__(self, gateway: str, notification: UsableNotification) -> bool:
        """Return whether this gateway's notification was new.

        It is recorded after its effect is committed.

        Raises:
            StorageUnavailable: nothing is known to be written; the gateway sends it again.
            GatewayUnavailable: the gateway has to be asked, and cannot be; the same.
            LostPayment, LookupRefused: it is about a payment of ours and cannot be applied.
            AtAnotherGateway: it is about a payment that another gateway has.
        """
        # Two gateways may use the same ids.
        notification = evolve(notification, id=f"{gateway}:{notification.id}")
        note(notification=notification.id)
        if await self.retry(lambda work: work.inbox.has(notification.id)):
            return False
        try:
            await self._apply(gateway, notification)
        except PaymentNotFound:
            # A payment of ours is stored before anything is charged, so the database has lost it,
            # or it belongs to another application on the same gateway account.
            if not await self._find_lost(gateway, notification):
                return False
        await self.retry(lambda work: self._record(work, notification.id))
        return True

    async def _apply(self, gateway: str, notification: UsableNotification) -> None:
        match notification:
            case PaymentNotification():
                await self._apply_to_payment(gateway, notification)
            case SessionNotification():
                await self._check_session(notification)
            case RefundNotification():
                await self._apply_to_refund(gateway, notification)
            case ExternalRefundNotification() | DisputeNotification():
                await self._report_unknown_status(notification)
                await self._apply_to_charge(evolve(notification, gateway=gateway))
            case UnrelatedNotification():
                pass

    async def _settle(
        self, gateway: str, payment_id: PaymentId, outcome: Outcome, claimed: Payment | None
    ) -> None:
        """Settle a payment; one that our database has lost is adopted if its labels suffice."""
        is_whole = claimed is not None and claimed.gateway == gateway
        if claimed is not None and is_whole and await self.find_lost.may_adopt(claimed):
            await self.settle(claimed, outcome)
        else:
            await self.settle.known(payment_id, outcome, gateway)

    async def _find_lost(self, gateway: str, notification: UsableNotification) -> bool:
        if not isinstance(notification, PaymentNotification):
            return False
        claimed = notification.claimed
        if claimed is not None and claimed.gateway != gateway:
            claimed = None
        return await self.find_lost(notification.payment_id, claimed)

    async def _apply_to_payment(self, gateway: str, notification: PaymentNotification) -> None:
        is_approved = isinstance(notification.outcome, Approved)
        if notification.outcome is not None and not is_approved:  # who takes the money looks first
            payment_id, claimed = notification.payment_id, notification.claimed
            await self._settle(gateway, payment_id, notification.outcome, claimed)
        else:
            await self._check_soon(notification.payment_id, notification.may_be_late)
        if notification.refunded is not None:
            await self._sync_refunds(notification, notification.refunded)

    async def _sync_refunds(self, notification: PaymentNotification, refunded: Money) -> None:
        """List the refunds of a charge, unless we know of as much as was refunded.

        Raises:
            GatewayUnavailable: the gateway could not be asked; it sends the notification again.
            LookupRefused: it will never list them.
        """
        order = await self.retry.begin().orders.find_by_payment(notification.payment_id)
        payment = None if order is None else _charged_payment(order, notification)
        if order is None or payment is None or payment.captured_amount is None:
            return
        if payment.captured_amount - order.refundable(payment) == refunded:
            return
        try:
            await self.sync(order.payment_at_gateway(payment.id))
        except LookupRefused as refused:
            text = f"the refunds of payment {payment.id} cannot be listed: {refused}"
            await self.alerts.report(AlertKind.LOOKUP_IMPOSSIBLE, payment.id, text)
            raise
        except OutcomeUnknown as unknown:
            raise GatewayUnavailable(f"to list refunds: {unknown}") from unknown

    async def _apply_to_refund(self, gateway: str, notification: RefundNotification) -> None:
        """Settle a refund of ours; one that we have not sent is an external one, like any other."""
        reported = notification.reported

        async def decision(work: UnitOfWork) -> Sequence[Refund]:
            order = await work.orders.find_by_payment(notification.payment_id)
            sent = None if order is None else order.sent_refund(reported)
            if order is not None:
                payment = order.payment(notification.payment_id)
                note_payment(payment)
                require_gateway(payment, gateway)
            if order is not None and sent is not None:
                settled = order.settle_refund(sent.id, reported.outcome, self.now())
                return save_refunds(work, order, settled)
            external = evolve(notification.as_external, gateway=gateway)
            return await self._apply_or_defer(work, external)

        await report_doubtful(self.alerts, await self.retry(decision))

    async def _check_session(self, notification: SessionNotification) -> None:
        """Make the check of the payment due that uses a session; it may be used by none yet."""
        order = await self.retry.begin().orders.get(notification.order_id)
        for payment in () if order is None else order.payments:
            if payment.reference == notification.reference:
                await self._check_soon(payment.id)

    async def _check_soon(self, payment_id: PaymentId, may_be_late: bool = False) -> None:
        """Make the check of a payment due, unless its outcome is final.

        If money `may_be_late`, that of a payment which has ended without any is due, too.
        """

        async def decision(work: UnitOfWork) -> None:
            order = await work.orders.find_by_payment(payment_id)
            if order is None:
                raise PaymentNotFound(payment_id)
            payment = order.payment(payment_id)
            note_payment(payment)
            is_late = may_be_late and not payment.is_captured
            if is_late or payment.is_open or payment.status is PaymentStatus.ABANDONED:
                work.orders.save(order.with_payment(payment.check_now(self.now())))

        await self.retry(decision)

    async def check_soon(self, payment_id: PaymentId, claimed: Payment | None) -> None:
        """Make the check of a payment due, unless its outcome is final; find it if it is lost.

        Raises:
            Exception: as when a notification is applied.
        """
        try:
            await self._check_soon(payment_id)
        except PaymentNotFound:
            await self.find_lost(payment_id, claimed)

    async def _report_unknown_status(self, notification: ChargeNotification) -> None:
        if not isinstance(notification, DisputeNotification) or not notification.unknown_status:
            return
        text = (
            f"dispute {notification.dispute_id} of charge {notification.charge_id} has the unknown"
            f" status {notification.unknown_status}; it is recorded as {notification.status.value}"
        )
        await self.alerts.report(AlertKind.GATEWAY_UNREADABLE, notification.dispute_id, text)

    async def _apply_to_charge(self, notification: ChargeNotification) -> None:
        doubtful = await self.retry(lambda work: self._apply_or_defer(work, notification))
        await report_doubtful(self.alerts, doubtful)

    async def _apply_or_defer(
        self, work: UnitOfWork, notification: ChargeNotification
    ) -> Sequence[Refund]:
        doubtful = await apply_charge_notification(work, notification, self.now())
        if doubtful is None:
            work.inbox.defer(notification, self.now())
        return doubtful or ()

    async def _record(self, work: UnitOfWork, notification_id: str) -> None:
        if not await work.inbox.has(notification_id):
            work.inbox.add(notification_id)


def _charged_payment(order: Order, notification: PaymentNotification) -> Payment | None:
    """Return the payment whose charge the notification is about."""
    if not isinstance(notification.outcome, Charged):
        return order.payment(notification.payment_id)
    return order.payment_of_charge(notification.outcome.charge_id)
