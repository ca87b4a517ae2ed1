"""ReceiveNotice: take the gateway's word for what happened, once per notice."""

from attrs import frozen

from application.decide import Decide
from application.ports.clock import Clock
from application.ports.gateway_notices import (
    DisputeNotice,
    Notice,
    OutsideRefundNotice,
    PaymentNotice,
    RefundNotice,
)
from application.ports.unit_of_work import UnitOfWork
from application.use_cases.refund_payment import SettleRefund
from application.use_cases.settle_payment import SettlePayment
from domain.bill import PaymentNotFound
from domain.events import PaymentDisputed, PaymentRefunded
from domain.payment import PaymentId, PaymentStatus
from domain.refund import RefundStatus


@frozen
class ReceiveNotice:
    """Settle what a verified notice tells; a repeated one changes nothing."""

    decide: Decide
    settle: SettlePayment
    settle_refund: SettleRefund
    now: Clock

    async def __call__(self, notice: Notice) -> bool:
        """Whether the notice was news to us. It is remembered after its effect is committed.

        Raises:
            StorageUnavailable: nothing is known to be written; the gateway sends it again.
        """
        if await self.decide(lambda work: work.inbox.has(notice.id)):
            return False
        try:
            match notice:
                case PaymentNotice(_, payment_id, None):
                    await self._look(payment_id)
                case PaymentNotice(_, payment_id, outcome) if outcome is not None:
                    await self.settle(payment_id, outcome)
                case RefundNotice(_, payment_id, refund_id, outcome):
                    await self.settle_refund(payment_id, refund_id, outcome)
                case OutsideRefundNotice():
                    await self._hear_refund(notice)
                case DisputeNotice():
                    await self._hear_dispute(notice)
                case _:
                    pass
        except PaymentNotFound:
            return False  # somebody else's, on the same gateway account: our row comes before any charge
        await self.decide(lambda work: self._remember(work, notice.id))
        return True

    async def _look(self, payment_id: PaymentId) -> None:
        async def decision(work: UnitOfWork) -> None:
            bill = await work.bills.holding(payment_id)
            if bill is None:
                raise PaymentNotFound(payment_id)
            payment = bill.payment(payment_id)
            if payment.is_open or payment.status is PaymentStatus.ABANDONED:
                work.bills.save(bill.with_payment(payment.look_now(self.now())))

        await self.decide(decision)

    async def _hear_refund(self, notice: OutsideRefundNotice) -> None:
        async def decision(work: UnitOfWork) -> None:
            bill = await work.bills.charged(notice.charge_id)
            if bill is None:
                return
            heard = bill.hear_refund(
                notice.charge_id, notice.reference, notice.amount, notice.outcome, self.now()
            )
            if heard == bill:
                return
            work.bills.save(heard)
            for refund in heard.refunds:
                if refund.reference == notice.reference and refund.status is RefundStatus.SUCCEEDED:
                    work.outbox.add(PaymentRefunded.of(refund))

        await self.decide(decision)

    async def _hear_dispute(self, notice: DisputeNotice) -> None:
        async def decision(work: UnitOfWork) -> None:
            bill = await work.bills.charged(notice.charge_id)
            if bill is None:
                return
            heard = bill.hear_dispute(
                notice.dispute_id, notice.charge_id, notice.amount, notice.reason, notice.status
            )
            dispute = heard.dispute(notice.dispute_id)
            if heard == bill or dispute is None:
                return
            work.bills.save(heard)
            work.outbox.add(PaymentDisputed.of(dispute))

        await self.decide(decision)

    async def _remember(self, work: UnitOfWork, notice_id: str) -> None:
        if not await work.inbox.has(notice_id):
            work.inbox.add(notice_id)
