"""ClaimOrder: start the payment of an order, which prevents any other one."""

from typing import Final

from attrs import frozen

from application.log_context import note_payment
from application.ports.books import new_payment_id
from application.ports.charge_reading import ChargeQuery
from application.ports.clock import Clock, NewId
from application.ports.gateway_captures import GatewayCaptures
from application.ports.payment_gateway import GatewayUnavailable, PaymentGateway
from application.ports.unit_of_work import StorageUnavailable, UnitOfWork
from application.retry import RetryOnConflict
from application.use_cases.books_guard import BooksGuard
from application.use_cases.limit_declines import LimitDeclines
from application.use_cases.pay_order import ChargeResult, PayOrder
from application.use_cases.settle_payment import SettlePayment
from domain.capture import CaptureMode
from domain.claim import AlreadyPaid, OrderNotFound, PaymentInProgress
from domain.identifiers import PaymentId
from domain.order import Order
from domain.outcome import NeverSent
from domain.payment import Payment

# A connection that is lost between claim and charge is rare; twice in a row, the database is going
# down, and the customer should come back later.
MAX_CLAIMS: Final = 2


@frozen
class CaptureUnsupported(Exception):
    """The order's money is to be captured later, and the gateway can only capture at once."""

    gateway: str


@frozen
class Claim:
    """A payment that was started, and the unit of work that has committed it."""

    payment: Payment
    work: UnitOfWork


@frozen
class ClaimOrder:
    """Claim an order for a payment, in one reading and one commit, on compared books."""

    retry: RetryOnConflict
    gateway: PaymentGateway
    captures: GatewayCaptures
    capture_mode: CaptureMode
    """For orders that do not say themselves when their money is captured."""
    settle: SettlePayment
    declines: LimitDeclines
    guard: BooksGuard
    now: Clock
    new_id: NewId

    async def __call__(self, command: PayOrder) -> Claim:
        """Claim the order; claim it again if a connection was lost meanwhile.

        What the books refuse anyway needs no comparison.

        Raises:
            RequestRepeated, RequestInProgress, IdempotencyKeyReused: see `KeyedRequest.check`.
            TooManyDeclines: one of the sources has had too many declined cards.
            OrderNotFound, NotYourOrder, OrderCancelled, OrderExpired, NothingDue, AmountMismatch,
            AlreadyPaid, PaymentInProgress: see `Order.claim`.
            CaptureUnsupported: the gateway cannot authorize.
            GatewayUnavailable, StorageUnavailable: nothing may be charged now.
        """
        for _ in range(MAX_CLAIMS):
            if not self.guard.holds(self.guard.books.generation):
                await self._decide(command)
            generation = await self.guard()
            claim = await self._claim(command)
            if self.guard.holds(generation):
                return claim
            await self.release(command, claim)
        raise GatewayUnavailable("the database was lost between claim and charge")

    async def release(self, command: PayOrder, claim: Claim) -> None:
        """Free the order for another payment at once; if that fails, recovery does it.

        Nothing was sent, so the same request may be sent again, too.
        """

        def release_request(work: UnitOfWork, released: Payment) -> None:
            if command.request is not None:
                command.request.end(work, released.id, ChargeResult(released))

        try:
            await self.settle(claim.payment, NeverSent(), claim.work.continued(), release_request)
        except StorageUnavailable:
            return

    async def _decide(self, command: PayOrder) -> None:
        """Raise what a claim would raise on the books as they are; nothing is written."""
        payment_id = PaymentId(self.new_id())
        order = await self._read(self.retry.begin(), command, payment_id)
        self._claimed(order, payment_id, command)

    async def _claim(self, command: PayOrder) -> Claim:
        payment_id = await new_payment_id(self.guard.books, self.new_id())

        async def decision(work: UnitOfWork) -> Claim:
            order = await self._read(work, command, payment_id)
            claimed = self._claimed(order, payment_id, command)
            if claimed != order:
                work.orders.save(claimed)
                if command.request is not None:
                    command.request.begin(work, payment_id)
            return Claim(claimed.payment(payment_id), work)

        try:
            claim = await self.retry(decision)
        except (AlreadyPaid, PaymentInProgress) as error:
            if error.payment is not None:
                note_payment(error.payment)
            raise
        note_payment(claim.payment)
        return claim

    async def _read(self, work: UnitOfWork, command: PayOrder, payment_id: PaymentId) -> Order:
        """Return the order, unless this payment of it may not be started.

        Its own claim is no obstacle: it was committed, and only the confirmation was lost.
        """
        request, sources = command.request, self.declines.limits(command.sources)
        key = None if request is None else request.key
        reading = await work.read_charge(
            ChargeQuery(command.order_id, list(sources), self.declines.window, key)
        )
        if request is not None:
            request.check(reading.request, payment_id)
        order = reading.order
        if order is None or all(payment.id != payment_id for payment in order.payments):
            self.declines.check(reading.declines)
        if order is None:
            raise OrderNotFound(command.order_id)
        return order

    def _claimed(self, order: Order, payment_id: PaymentId, command: PayOrder) -> Order:
        claimed = order.claim(
            payment_id,
            command.payer,
            command.expected,
            self.gateway.name,
            self.gateway.livemode,
            self.now(),
            self.capture_mode,
        )
        is_manual = claimed.payment(payment_id).capture_mode is CaptureMode.MANUAL
        if is_manual and self.captures.capture is None:
            raise CaptureUnsupported(self.gateway.name)
        return claimed
