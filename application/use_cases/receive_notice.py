"""ReceiveNotice: take the gateway's word for what happened, once per notice."""

from datetime import datetime

from attrs import frozen

from application.decide import Decide
from application.ports.clock import Clock
from application.ports.gateway_notices import (
    ChargeNotice,
    DisputeNotice,
    Notice,
    OutsideRefundNotice,
    PaymentNotice,
    RefundNotice,
)
from application.ports.unit_of_work import UnitOfWork
from application.use_cases.refund_payment import SettleRefund
from application.use_cases.settle_payment import SettlePayment
from domain.bill import Bill, PaymentNotFound
from domain.events import Event, PaymentDisputed, PaymentRefunded
from domain.payment import PaymentId, PaymentStatus
from domain.refund import RefundStatus


@frozen
class ReceiveNotice:
    """Settle what a verified notice tells; a repeated one changes nothing.

    One about a charge that we do not know yet is kept, and ApplyKeptNotices settles it later.
    """

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
                case OutsideRefundNotice() | DisputeNotice():
                    await self._hear_of_charge(notice)
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

    async def _hear_of_charge(self, notice: ChargeNotice) -> None:
        async def decision(work: UnitOfWork) -> None:
            now = self.now()
            if not await hear_of_charge(work, notice, now):
                work.inbox.keep(notice, now)

        await self.decide(decision)

    async def _remember(self, work: UnitOfWork, notice_id: str) -> None:
        if not await work.inbox.has(notice_id):
            work.inbox.add(notice_id)


async def hear_of_charge(work: UnitOfWork, notice: ChargeNotice, now: datetime) -> bool:
    """Record and announce what others did to a charge; whether it is one we know."""
    bill = await work.bills.charged(notice.charge_id)
    if bill is None:
        return False
    if isinstance(notice, OutsideRefundNotice):
        heard, event = _refunded(bill, notice, now)
    else:
        heard, event = _disputed(bill, notice)
    if heard != bill:
        work.bills.save(heard)
        if event is not None:
            work.outbox.add(event)
    return True


def _refunded(bill: Bill, notice: OutsideRefundNotice, now: datetime) -> tuple[Bill, Event | None]:
    heard = bill.hear_refund(notice.charge_id, notice.reference, notice.amount, notice.outcome, now)
    for refund in heard.refunds:
        if refund.reference == notice.reference and refund.status is RefundStatus.SUCCEEDED:
            return heard, PaymentRefunded.of(refund)
    return heard, None


def _disputed(bill: Bill, notice: DisputeNotice) -> tuple[Bill, Event | None]:
    heard = bill.hear_dispute(
        notice.dispute_id, notice.charge_id, notice.amount, notice.reason, notice.status
    )
    dispute = heard.dispute(notice.dispute_id)
    return heard, None if dispute is None else PaymentDisputed.of(dispute)
