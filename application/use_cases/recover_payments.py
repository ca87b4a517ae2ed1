"""RecoverPayments: finish what a crash, a timeout or a cancellation left open."""

import asyncio
import logging
from typing import Final

from attrs import frozen

from application.ports.clock import Clock
from application.ports.payment_gateway import GatewayUnavailable, OutcomeUnknown, PaymentGateway
from application.ports.unit_of_work import BeginUnitOfWork, Conflict, StorageUnavailable
from application.use_cases.refund_payment import SettleRefund
from application.use_cases.settle_payment import SettlePayment
from domain.bill import Bill
from domain.order import OrderId
from domain.payment import Evidence, NeverArrived, Payment
from domain.refund import Refund

logger = logging.getLogger(__name__)

# A look costs the gateway one or two requests; Stripe allows 100 a second in live mode
# (https://docs.stripe.com/rate-limits), most of which belong to customers.
AT_ONCE: Final = 16


@frozen
class RecoverPayments:
    """Look after what is due: ask the gateway, and settle from its evidence alone. It never charges."""

    begin: BeginUnitOfWork
    gateway: PaymentGateway
    settle: SettlePayment
    settle_refund: SettleRefund
    now: Clock

    async def run_once(self, limit: int = 100) -> int:
        """Look after at most so many bills; how many were ours to look after.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
        due = await self.begin().bills.due(self.now(), limit)
        places = asyncio.Semaphore(AT_ONCE)

        async def one(order_id: OrderId) -> bool:
            async with places:
                return await self._look_after(order_id)

        return sum(await asyncio.gather(*(one(order_id) for order_id in due)))

    async def _look_after(self, order_id: OrderId) -> bool:
        try:
            leased = await self._lease(order_id)
            if leased is None:
                return False
            bill, payments, refunds = leased
            for payment in payments:
                await self._look(bill, payment)
            for refund in refunds:
                await self._send(bill.payment(refund.payment_id), refund)
        except StorageUnavailable:
            return False
        except Exception:  # one bill that makes trouble must not hold up the others
            logger.exception("could not look after order %s", order_id)
            return False
        return True

    async def _lease(self, order_id: OrderId) -> tuple[Bill, list[Payment], list[Refund]] | None:
        """Take what is due on a bill for ourselves, until its next look; None if it is another's."""
        now, work = self.now(), self.begin()
        bill = (await work.bills.of([order_id])).get(order_id)
        if bill is None:
            return None
        payments = [payment.look_again(now) for payment in bill.payments if payment.is_due(now)]
        refunds = [refund.look_again(now) for refund in bill.refunds if refund.is_due(now)]
        if not payments and not refunds:
            return None
        for payment in payments:
            bill = bill.with_payment(payment)
        for refund in refunds:
            bill = bill.with_refund(refund)
        work.bills.save(bill)
        try:
            await work.commit()
        except Conflict:
            return None
        return bill, payments, refunds

    async def _look(self, bill: Bill, payment: Payment) -> None:
        if not self._is_asked(payment):
            return
        now = self.now()
        look = self.gateway.cancel if bill.calls_off(payment, now) else self.gateway.find
        try:
            evidence: Evidence | None = await look(payment)
        except (OutcomeUnknown, GatewayUnavailable) as unknown:
            logger.info("payment %s is still unknown: %s", payment.id, unknown)
            return
        if evidence is None and not payment.may_have_arrived(now):
            evidence = NeverArrived()
        if evidence is not None:
            await self.settle(payment.id, evidence)

    async def _send(self, payment: Payment, refund: Refund) -> None:
        if not self._is_asked(payment):
            return
        try:
            outcome = await self.gateway.find_refund(payment, refund)
            if outcome is None and refund.reference is None:
                outcome = await self.gateway.refund(payment, refund)
        except (OutcomeUnknown, GatewayUnavailable) as unknown:
            logger.info("refund %s is still unknown: %s", refund.id, unknown)
            return
        if outcome is None:  # the gateway had it: it is not sent again, nor was another hand's ever
            logger.warning("refund %s is gone from the gateway", refund.id)
            return
        await self.settle_refund(payment.id, refund.id, outcome)

    def _is_asked(self, payment: Payment) -> bool:
        """Whether our gateway is the payment's: that another one has no trace of it is no evidence."""
        ours = self.gateway.name, self.gateway.livemode
        if ours == (payment.gateway, payment.livemode):
            return True
        logger.warning("payment %s is unknown until %s is back", payment.id, payment.gateway)
        return False
