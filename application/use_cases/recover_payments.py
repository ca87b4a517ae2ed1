"""RecoverPayments: finish what a crash, a timeout or a cancellation has left unfinished."""

import asyncio
import logging
from typing import Final

from attrs import frozen

from application.log_context import log_context
from application.ports.clock import Clock
from application.ports.unit_of_work import BeginUnitOfWork, Conflict, StorageUnavailable
from application.use_cases.check_payment import CheckPayment
from application.use_cases.check_refund import CheckRefund
from application.use_cases.send_capture import SendCapture
from domain.events import PaymentExpiring
from domain.identifiers import OrderId
from domain.order import Order
from domain.payment import Payment
from domain.refund import Refund

logger = logging.getLogger(__name__)

# A check costs the gateway one or two requests. Stripe allows 100 a second in live mode
# (https://docs.stripe.com/rate-limits), and most of these belong to customers.
MAX_CONCURRENT: Final = 16


@frozen
class Lease:
    """The payments and refunds of one order that only this process may check for now."""

    order: Order
    payments: tuple[Payment, ...]
    refunds: tuple[Refund, ...]


@frozen
class RecoverPayments:
    """Check what is due, and settle it with the gateway's evidence alone. It never charges a card.

    What was requested before is continued: cancellations, captures and refunds, and payments that
    their customers have approved.
    """

    begin: BeginUnitOfWork
    check: CheckPayment
    check_refund: CheckRefund
    send_capture: SendCapture
    now: Clock

    async def run_once(self, limit: int = 100) -> int:
        """Check at most `limit` orders; return how many this process has checked.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
        due = await self.begin().orders.find_due(self.now(), limit)
        if not due:
            return 0
        slots = asyncio.Semaphore(MAX_CONCURRENT)

        async def recover(order_id: OrderId) -> bool:
            async with slots:
                with log_context(order_id=order_id):
                    return await self._recover(order_id)

        return sum(await asyncio.gather(*(recover(order_id) for order_id in due)))

    async def _recover(self, order_id: OrderId) -> bool:
        try:
            lease = await self._lease(order_id)
            if lease is None:
                return False
            for payment in lease.payments:
                await self._check(lease.order, payment)
            for refund in lease.refunds:
                await self.check_refund(lease.order.payment_at_gateway(refund.payment_id), refund)
        except StorageUnavailable:
            return False
        except Exception:  # one failing order must not stop the others
            logger.exception("could not recover order %s", order_id)
            return False
        return True

    async def _check(self, order: Order, payment: Payment) -> None:
        cancel = order.should_cancel(payment, self.now())
        if payment.requested_capture is not None and not cancel:
            await self.send_capture(payment)
        else:
            await self.check(payment, cancel=cancel)

    async def _lease(self, order_id: OrderId) -> Lease | None:
        """Lease what is due by scheduling its next check; None if another process was faster."""
        now, work = self.now(), self.begin()
        order = await work.orders.get(order_id)
        if order is None:
            return None
        payments = tuple(
            order.schedule_check(each, now) for each in order.payments if each.is_check_due(now)
        )
        refunds = tuple(
            each.schedule_check(now) for each in order.refunds if each.is_check_due(now)
        )
        if not payments and not refunds:
            return None
        for payment in payments:
            order = order.with_payment(payment)
            if payment.is_running_out(now):
                work.outbox.add(PaymentExpiring.of(payment))
        for refund in refunds:
            order = order.with_refund(refund)
        work.orders.save(order)
        try:
            await work.commit()
        except Conflict:
            return None
        return Lease(order, payments, refunds)
