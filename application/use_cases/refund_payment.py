"""RefundPayment: an operator gives money back; and the sending of any refund."""

from attrs import frozen

from application.decide import Decide
from application.ports.clock import Clock, NewId
from application.ports.payment_gateway import GatewayUnavailable, OutcomeUnknown, PaymentGateway
from application.ports.unit_of_work import StorageUnavailable, UnitOfWork
from domain.bill import PaymentNotFound
from domain.events import PaymentRefunded
from domain.payment import Payment, PaymentId
from domain.refund import Refund, RefundId, RefundOutcome, RefundStatus


@frozen
class SettleRefund:
    """Record what became of a refund; the only place where that and its event are written."""

    decide: Decide
    now: Clock

    async def __call__(
        self, payment_id: PaymentId, refund_id: RefundId, outcome: RefundOutcome
    ) -> Refund | None:
        """Settle the refund and announce it, in one transaction; None if we have no such refund.

        Raises:
            StorageUnavailable: nothing is known to be written; recovery will find out.
        """

        async def decision(work: UnitOfWork) -> Refund | None:
            bill = await work.bills.holding(payment_id)
            before = bill.refund(refund_id) if bill else None
            if bill is None or before is None:
                return None
            settled = bill.settle_refund(refund_id, outcome, self.now())
            if settled == bill:
                return before
            work.bills.save(settled)
            refund = settled.refund(refund_id)
            if refund and refund.status is RefundStatus.SUCCEEDED:
                work.outbox.add(PaymentRefunded.of(refund))
            return refund

        return await self.decide(decision)


@frozen
class RefundPayment:
    """Give part or all of a payment back: reserve it, send it, settle it; once for each refund's id."""

    decide: Decide
    gateway: PaymentGateway
    settle: SettleRefund
    now: Clock
    new_id: NewId

    async def __call__(
        self,
        payment_id: PaymentId,
        minor: int | None = None,
        reason: str = "requested",
        refund_id: RefundId | None = None,
    ) -> Refund:
        """Refund so many minor units, or all that is left.

        A refund still `pending` afterwards is on its way, or its outcome unknown; recovery goes on.
        Who names the refund may ask again for the same one: it stands as it was first asked for, and
        is not sent again once it is recovery's.

        Raises:
            PaymentNotFound, NotRefundable, RefundExceedsPayment: it cannot be refunded.
            StorageUnavailable: nothing was sent; if it was reserved all the same, recovery sends it.
        """
        name = refund_id or RefundId(self.new_id())

        async def decision(work: UnitOfWork) -> tuple[Payment, Refund]:
            bill = await work.bills.holding(payment_id)
            if bill is None:
                raise PaymentNotFound(payment_id)
            reserved = bill.reserve_refund(name, payment_id, minor, reason, self.now())
            if reserved != bill:
                work.bills.save(reserved)
            refund = reserved.refund(name)
            assert refund is not None, "just reserved"  # noqa: S101
            return reserved.payment(payment_id), refund

        payment, refund = await self.decide(decision)
        if not refund.may_be_sent(self.now()):
            return refund
        try:
            outcome = await self.gateway.refund(payment, refund)
            return await self.settle(payment_id, refund.id, outcome) or refund
        except (OutcomeUnknown, GatewayUnavailable, StorageUnavailable):
            return refund
