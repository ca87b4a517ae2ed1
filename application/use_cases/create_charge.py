"""CreateCharge: pay for an order."""

from collections.abc import Collection

from attrs import evolve, frozen

from application.decide import Decide
from application.ports.clock import Clock, NewId
from application.ports.payment_gateway import (
    CardToken,
    GatewayUnavailable,
    OutcomeUnknown,
    PaymentGateway,
)
from application.ports.unit_of_work import StorageUnavailable, UnitOfWork
from application.use_cases.limit_declines import LimitDeclines
from application.use_cases.settle_payment import SettlePayment
from domain.bill import Agreed, OrderNotFound, PaymentUnderWay
from domain.order import OrderId, UserId
from domain.payment import (
    Declined,
    NeverArrived,
    Outcome,
    Payment,
    PaymentId,
    PaymentStatus,
    RequiresAction,
)


@frozen
class Charge:
    """Where an attempt to pay stands, and what the customer has to do, if anything."""

    payment: Payment
    action: RequiresAction | None = None
    is_new: bool = True
    """Whether this attempt made the payment; else it was under way already."""


@frozen
class CreateCharge:
    """Pay for an order: claim it, charge it, settle it.

    It must run to its end even if the customer hangs up: the caller keeps it in a task of its own.
    """

    decide: Decide
    gateway: PaymentGateway
    settle: SettlePayment
    declines: LimitDeclines
    now: Clock
    new_id: NewId

    async def __call__(
        self,
        order_id: OrderId,
        payer: UserId,
        token: CardToken,
        agreed: Agreed = Agreed(),
        sources: Collection[str] = (),
    ) -> Charge:
        """Charge the order to the card, once and only once; `sources` say who tries, for the limit.

        A payment still `processing` afterwards has an unknown outcome; recovery finds out. Asked again
        while the customer is with their bank, it says what came of that and charges nothing.

        Raises:
            TooManyDeclines: one of the sources tries card after card.
            OrderNotFound, NotYourOrder, OrderCancelled, OrderExpired, AmountDiffers: it may not be paid.
            AlreadyPaid, PaymentUnderWay: it is paid, or being paid, already; both tell of the
                payment only if it is the payer's own.
            GatewayUnavailable, StorageUnavailable: nothing was charged.
        """
        await self.declines.check(sources)
        try:
            payment = await self._claim(order_id, payer, agreed)
        except PaymentUnderWay as under_way:
            return await self._ask_again(under_way, sources)
        try:
            outcome = await self._charge(payment, token)
        except GatewayUnavailable:
            await self._release(payment)
            raise
        except OutcomeUnknown:
            return Charge(payment)
        if isinstance(outcome, Declined):
            await self.declines.record(sources)
        return await self._settle(payment, outcome)

    async def _claim(self, order_id: OrderId, payer: UserId, agreed: Agreed) -> Payment:
        payment_id = PaymentId(self.new_id())

        async def decision(work: UnitOfWork) -> Payment:
            bill = (await work.bills.of([order_id])).get(order_id)
            if bill is None:
                raise OrderNotFound(order_id)
            claimed = bill.claim(
                payment_id, payer, agreed, self.gateway.name, self.gateway.livemode, self.now()
            )
            if claimed != bill:
                work.bills.save(claimed)
            return claimed.payment(payment_id)

        return await self.decide(decision)

    async def _charge(self, payment: Payment, token: CardToken) -> Outcome:
        if not payment.may_be_sent(self.now()):
            raise GatewayUnavailable("too long between claim and charge")
        return await self.gateway.charge(payment, token)

    async def _settle(self, payment: Payment, outcome: Outcome) -> Charge:
        try:
            settled = await self.settle(payment.id, outcome)
        except StorageUnavailable:
            return Charge(payment)  # recovery finds the same outcome
        return Charge(settled, outcome if isinstance(outcome, RequiresAction) else None)

    async def _ask_again(self, under_way: PaymentUnderWay, sources: Collection[str]) -> Charge:
        """See what came of a payment whose customer was sent to their bank; no card is charged."""
        payment = under_way.payment
        if payment is None or payment.status is not PaymentStatus.REQUIRES_ACTION:
            raise under_way
        try:
            outcome = await self.gateway.find(payment)
        except (OutcomeUnknown, GatewayUnavailable):
            outcome = None
        if outcome is None:
            raise under_way
        if isinstance(outcome, Declined):
            await self.declines.record(sources)
        return evolve(await self._settle(payment, outcome), is_new=False)

    async def _release(self, payment: Payment) -> None:
        """Let the order be paid again at once; where that fails, recovery does it."""
        try:
            await self.settle(payment.id, NeverArrived())
        except StorageUnavailable:
            return
