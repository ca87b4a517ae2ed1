"""RefundPayment: an operator gives money back."""

from attrs import frozen

from application.log_context import note, note_payment
from application.ports.clock import Clock, NewId
from application.ports.gateways import Gateways
from application.ports.payment_gateway import GatewayUnavailable, OutcomeUnknown
from application.ports.unit_of_work import StorageUnavailable, UnitOfWork
from application.retry import RetryOnConflict
from application.use_cases.books_guard import BooksGuards
from application.use_cases.settle_refund import SettleRefund
from application.use_cases.sync_refunds import Synced, SyncRefunds
from domain.identifiers import PaymentId, RefundId
from domain.order import Order
from domain.order_entities import PaymentNotFound
from domain.payment import Payment
from domain.refund import REQUESTED, Refund, RefundFailed


@frozen
class LostRefundsFound(Exception):
    """The gateway has refunds of ours that the database had lost; look at them first."""

    payment_id: PaymentId


@frozen
class RefundPayment:
    """Refund part or all of a payment: reserve it, send it, settle it; once for each refund id."""

    retry: RetryOnConflict
    gateways: Gateways
    settle: SettleRefund
    sync: SyncRefunds
    guards: BooksGuards
    now: Clock
    new_id: NewId

    async def __call__(
        self,
        payment_id: PaymentId,
        minor_units: int | None = None,
        reason: str = REQUESTED,
        refund_id: RefundId | None = None,
    ) -> Refund:
        """Refund this many minor units; if None, all that is left at the gateway.

        A refund that is still `pending` afterwards is in progress, or its outcome is unknown;
        recovery continues it. A caller that passes a refund id may repeat the call: it returns the
        same refund, and sends it again only while it is pending and within SEND_LEASE. That is
        also true if the database has lost the refund: what the gateway has is recorded first.

        Raises:
            PaymentNotFound, NotRefundable, RefundExceedsPayment: it cannot be refunded.
            LostRefundsFound: this part of the payment may be given back already.
            GatewayNotConfigured: the settings no longer have its gateway.
            GatewayUnavailable: the books may be behind, and the gateway cannot be asked.
            StorageUnavailable: nothing was sent yet; if the refund was reserved nevertheless,
                recovery sends it.
        """
        note(payment_id=payment_id)
        refund_id = refund_id or RefundId(self.new_id())
        if await self._find_lost(payment_id, refund_id) and minor_units is not None:
            order = await self._order(payment_id)
            if order is not None:  # what cannot be refunded anyway has an error that says why
                order.reserve_refund(refund_id, payment_id, minor_units, reason, self.now())
            raise LostRefundsFound(payment_id)
        payment, refund, work = await self._reserve(refund_id, payment_id, minor_units, reason)
        if not refund.may_be_sent(self.now()):
            return refund
        try:
            outcome = await self.gateways.having(payment).gateway.refund(payment, refund)
            if isinstance(outcome, RefundFailed):  # others may have refunded part of the payment
                await self.sync.if_possible(payment)
            return await self.settle(payment_id, refund, outcome, work.continued()) or refund
        except (OutcomeUnknown, GatewayUnavailable, StorageUnavailable):
            return refund

    async def _find_lost(self, payment_id: PaymentId, refund_id: RefundId) -> bool:
        """Record what the gateway has; return whether that is another refund that we had lost."""
        before = await self._order(payment_id)
        is_compared = await self._compare(payment_id, before)
        order = before if is_compared else await self._order(payment_id)
        if order is None or order.refund(refund_id) is not None:
            return False
        synced = await self.sync.if_possible(order.payment_at_gateway(payment_id))
        found = () if synced is None else synced.lost
        if not is_compared:
            found = [*found, *Synced.of(before or Order(order.replica), order).lost]
        if any(each.id == refund_id for each in found):
            return False
        return any(each.payment_id == payment_id for each in found)

    async def _compare(self, payment_id: PaymentId, order: Order | None) -> bool:
        """Compare the books with those of the payment's gateway; return whether they were before.

        A payment that is not in the books may be at any gateway.
        """
        if order is None:
            guards = list(self.guards)
        else:
            guards = [self.guards.of(self.gateways.having(order.payment(payment_id)))]
        due = [each for each in guards if not each.holds(each.books.generation)]
        for guard in due:
            await guard()
        return not due

    async def _order(self, payment_id: PaymentId) -> Order | None:
        return await self.retry.begin().orders.find_by_payment(payment_id)

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
