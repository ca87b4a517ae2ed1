"""CreateCharge: pay for an order."""

import logging
from collections.abc import Collection
from typing import Final

from attrs import frozen

from application.log_context import note, note_payment
from application.ports.alerts import AlertKind, Alerts
from application.ports.books import new_payment_id
from application.ports.clock import Clock, NewId
from application.ports.payment_gateway import (
    CALL_SECONDS,
    CardToken,
    GatewayUnavailable,
    KeyRefused,
    OutcomeUnknown,
    PaymentGateway,
)
from application.ports.unit_of_work import StorageUnavailable, UnitOfWork
from application.retry import RetryOnConflict
from application.use_cases.books_guard import BooksGuard
from application.use_cases.check_payment import CheckPayment
from application.use_cases.limit_declines import LimitDeclines
from application.use_cases.settle_payment import SettlePayment
from domain.claim import AlreadyPaid, ExpectedAmount, OrderNotFound, PaymentInProgress
from domain.identifiers import OrderId, PaymentId, UserId
from domain.order import Order
from domain.outcome import Declined, Evidence, NeverSent, Outcome, Refused, RequiresAction
from domain.payment import Payment, PaymentStatus

logger = logging.getLogger(__name__)

# A connection that is lost between claim and charge is rare; twice in a row, the database is going
# down, and the customer should come back later.
MAX_CLAIMS: Final = 2


@frozen
class PayOrder:
    """The command to pay for an order."""

    order_id: OrderId
    payer: UserId
    token: CardToken
    expected: ExpectedAmount = ExpectedAmount()
    sources: Collection[str] = ()
    """The sources of this attempt, for the decline limits: `user:…`, `address:…`."""


@frozen
class ChargeResult:
    """The state of a payment after a command, and what the customer must do, if anything."""

    payment: Payment
    action: RequiresAction | None = None
    is_new: bool = True
    """Whether this command started the payment; otherwise it was in progress before."""
    is_refused: bool = False
    """Whether it failed because the gateway refuses the shop, not the card."""


@frozen
class CreateCharge:
    """Pay for an order: claim it, charge it, settle it.

    The caller must run it to its end in a task of its own, even if the customer disconnects.
    """

    retry: RetryOnConflict
    gateway: PaymentGateway
    settle: SettlePayment
    check: CheckPayment
    declines: LimitDeclines
    guard: BooksGuard
    alerts: Alerts
    now: Clock
    new_id: NewId

    async def __call__(self, command: PayOrder) -> ChargeResult:
        """Charge the order to the card, once and only once.

        A payment that is still `processing` afterwards has an unknown outcome; recovery settles
        it. If the customer was sent to their bank before, the gateway is asked for the result,
        and nothing is charged.

        Raises:
            TooManyDeclines: one of the sources has had too many declined cards.
            OrderNotFound, NotYourOrder, OrderCancelled, OrderExpired, NothingDue, AmountMismatch:
                the order may not be paid.
            AlreadyPaid, PaymentInProgress: another payment has paid the order, or still may; both
                carry that payment only if it is the payer's own.
            GatewayUnavailable, StorageUnavailable: nothing was charged.
        """
        note(order_id=command.order_id)
        await self.declines.check(command.sources)
        try:
            payment = await self._claim_on_compared_books(command)
        except PaymentInProgress as in_progress:
            result = await self._check_authentication(in_progress, command)
            if result.payment.status is PaymentStatus.CANCELLED:
                return await self(command)  # it was cancelled, so the order can be claimed now
            return result
        try:
            outcome = await self._charge(payment, command.token)
        except GatewayUnavailable as unavailable:
            await self._release(payment)
            await self._report(unavailable)
            raise
        except OutcomeUnknown as unknown:
            logger.warning("the outcome of a payment is unknown: %s", unknown)
            return ChargeResult(payment)
        await self._count_decline(outcome, command)
        return await self._settle(payment, outcome)

    async def _claim_on_compared_books(self, command: PayOrder) -> Payment:
        """Claim the order on compared books; claim it again if a connection was lost meanwhile.

        What the books refuse anyway needs no comparison.
        """
        for _ in range(MAX_CLAIMS):
            if not self.guard.holds(self.guard.books.generation):
                await self._decide(command)
            generation = await self.guard()
            payment = await self._claim(command)
            if self.guard.holds(generation):
                return payment
            await self._release(payment)
        raise GatewayUnavailable("the database was lost between claim and charge")

    async def _decide(self, command: PayOrder) -> None:
        """Raise what a claim would raise on the books as they are; nothing is written."""
        order = await self.retry.begin().orders.get(command.order_id)
        if order is None:
            raise OrderNotFound(command.order_id)
        self._claimed(order, PaymentId(self.new_id()), command)

    async def _claim(self, command: PayOrder) -> Payment:
        payment_id = await new_payment_id(self.guard.books, self.new_id())

        async def decision(work: UnitOfWork) -> Payment:
            order = await work.orders.get(command.order_id)
            if order is None:
                raise OrderNotFound(command.order_id)
            claimed = self._claimed(order, payment_id, command)
            if claimed != order:
                work.orders.save(claimed)
            return claimed.payment(payment_id)

        try:
            payment = await self.retry(decision)
        except (AlreadyPaid, PaymentInProgress) as error:
            if error.payment is not None:
                note_payment(error.payment)
            raise
        note_payment(payment)
        return payment

    def _claimed(self, order: Order, payment_id: PaymentId, command: PayOrder) -> Order:
        return order.claim(
            payment_id,
            command.payer,
            command.expected,
            self.gateway.name,
            self.gateway.livemode,
            self.now(),
        )

    async def _check_authentication(
        self, in_progress: PaymentInProgress, command: PayOrder
    ) -> ChargeResult:
        """Check a payment that its customer can end, or cancels; raise the error for any other."""
        payment = in_progress.payment
        if payment is None or not (
            payment.status is PaymentStatus.REQUIRES_ACTION or payment.is_being_cancelled
        ):
            raise in_progress
        try:
            checked = await self.check(
                payment, cancel=payment.is_being_cancelled, within=CALL_SECONDS
            )
        except StorageUnavailable:
            raise in_progress from None
        if checked.evidence is None:
            raise in_progress
        if payment.is_being_cancelled and checked.payment.is_open:
            raise PaymentInProgress(in_progress.order_id, checked.payment)
        if checked.payment.status is PaymentStatus.FAILED:
            await self._count_decline(checked.evidence, command)
        return _result(checked.payment, checked.evidence, is_new=False)

    async def _charge(self, payment: Payment, token: CardToken) -> Outcome:
        if not payment.may_be_sent(self.now()):
            raise GatewayUnavailable("too much time between claim and charge")
        return await self.gateway.charge(payment, token)

    async def _release(self, payment: Payment) -> None:
        """Free the order for another payment at once; if that fails, recovery does it."""
        try:
            await self.settle(payment, NeverSent())
        except StorageUnavailable:
            return

    async def _report(self, unavailable: GatewayUnavailable) -> None:
        logger.warning("nothing was sent for a payment: %s", unavailable)
        if isinstance(unavailable, KeyRefused):
            name, text = self.gateway.name, str(unavailable)
            await self.alerts.report(AlertKind.GATEWAY_KEY_REFUSED, name, text)

    async def _count_decline(self, evidence: Evidence, command: PayOrder) -> None:
        if isinstance(evidence, Declined):
            await self.declines.record(command.sources)

    async def _settle(self, payment: Payment, outcome: Outcome) -> ChargeResult:
        try:
            settled = await self.settle(payment, outcome)
        except StorageUnavailable:
            return ChargeResult(payment)  # recovery finds the same outcome
        return _result(settled, outcome, is_new=True)


def _result(payment: Payment, evidence: Evidence, *, is_new: bool) -> ChargeResult:
    action = evidence if isinstance(evidence, RequiresAction) else None
    is_refused = isinstance(evidence, Refused) and payment.status is PaymentStatus.FAILED
    return ChargeResult(payment, action, is_new, is_refused)
