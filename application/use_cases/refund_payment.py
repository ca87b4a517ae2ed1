"""RefundPayment: an operator gives money back."""

from attrs import frozen

from application.log_context import note, note_payment
from application.ports.clock import Clock, NewId
from application.ports.payment_gateway import GatewayUnavailable, OutcomeUnknown, PaymentGateway
from application.ports.unit_of_work import StorageUnavailable, UnitOfWork
from application.retry import RetryOnConflict
from application.use_cases.settle_refund import SettleRefund
from application.use_cases.sync_refunds import SyncRefunds
from domain.identifiers import PaymentId, RefundId
from domain.order_entities import PaymentNotFound
from domain.payment import Payment
from domain.refund import Refund, RefundFailed


@frozen
class RefundPayment:
    """Refund part or all of a payment: reserve it, send it, settle it; once for each refund id."""

    retry: RetryOnConflict
    gateway: PaymentGateway
    settle: SettleRefund
    sync: SyncRefunds
    now: Clock
    new_id: NewId

    async def __call__(
        self,
        payment_id: PaymentId,
        minor_units: int | None = None,
        reason: str = "requested",
        refund_id: RefundId | None = None,
    ) -> Refund:
        """Refund this many minor units; if None, all that is left at the gateway.

        A refund that is still `pending` afterwards is in progress, or its outcome is unknown;
        recovery continues it. A caller that passes a refund id may repeat the call: it returns the
        same refund, and sends it again only while it is pending and within SEND_LEASE.

        Raises:
            PaymentNotFound, NotRefundable, RefundExceedsPayment: it cannot be refunded.
            StorageUnavailable: nothing was sent yet; if the refund was reserved nevertheless,
                recovery sends it.
        """
        note(payment_id=payment_id)
        if minor_units is None:
            await self._sync(payment_id)
        payment, refund, work = await self._reserve(
            refund_id or RefundId(self.new_id()), payment_id, minor_units, reason
        )
        if not refund.may_be_sent(self.now()):
            return refund
        try:
            outcome = await self.gateway.refund(payment, refund)
            if isinstance(outcome, RefundFailed):  # others may have refunded part of the payment
                await self.sync.if_possible(payment)
            return await self.settle(payment_id, refund.id, outcome, work.continued()) or refund
        except (OutcomeUnknown, GatewayUnavailable, StorageUnavailable):
            return refund

    async def _sync(self, payment_id: PaymentId) -> None:
        order = await self.retry.begin().orders.find_by_payment(payment_id)
        if order is not None:
            await self.sync.if_possible(order.payment_at_gateway(payment_id))

    async def _reserve(
        self, refund_id: RefundId, payment_id: PaymentId, minor_units: int | None, reason: str
    ) -> tuple[Payment, Refund, UnitOfWork]:
        async def decision(work: UnitOfWork) -> tuple[Payment, Refund, UnitOfWork]:
            order = await work.orders.find_by_payment(payment_id)
            if order is None:
                raise PaymentNotFound(payment_id)
            note_payment(order.payment(payment_id))
            reserved = order.reserve_refund(refund_id, payment_id, minor_units, reason, self.now())
            if reserved != order:
                work.orders.save(reserved)
            refund = reserved.refund(refund_id)
            assert refund is not None, "just reserved"  # noqa: S101
            return reserved.payment_at_gateway(payment_id), refund, work

        return await self.retry(decision)
