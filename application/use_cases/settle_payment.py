"""SettlePayment: the only place where an outcome and its event are written."""

from attrs import frozen

from application.decide import Decide
from application.ports.clock import Clock
from application.ports.unit_of_work import UnitOfWork
from domain.bill import PaymentNotFound
from domain.events import PaymentCreated, PaymentFailed
from domain.payment import Evidence, Payment, PaymentId, PaymentStatus


@frozen
class SettlePayment:
    """Record what became of a payment, whoever brings the evidence: the charge, recovery, a notice."""

    decide: Decide
    now: Clock

    async def __call__(self, payment_id: PaymentId, evidence: Evidence) -> Payment:
        """Settle the payment and announce its end, in one transaction.

        Raises:
            PaymentNotFound: we have no such payment.
            ContradictoryOutcome: the gateway reports two charges for it.
            StorageUnavailable: nothing is known to be written; recovery will find out.
        """
        return await self.decide(lambda work: self._settle(work, payment_id, evidence))

    async def _settle(self, work: UnitOfWork, payment_id: PaymentId, evidence: Evidence) -> Payment:
        bill = await work.bills.holding(payment_id)
        if bill is None:
            raise PaymentNotFound(payment_id)
        settled = bill.settle(payment_id, evidence, self.now())
        payment = settled.payment(payment_id)
        if settled == bill:
            return payment
        work.bills.save(settled)
        if payment.status is PaymentStatus.SUCCEEDED:
            work.outbox.add(PaymentCreated.of(payment))
        elif payment.status in (PaymentStatus.FAILED, PaymentStatus.ABANDONED):
            work.outbox.add(PaymentFailed.of(payment))
        return payment
