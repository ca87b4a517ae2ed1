"""ClaimOrder: start the payment of an order, which prevents any other one."""

from typing import Final

from attrs import frozen

from application.gateway_health import GatewayHealth
from application.log_context import note_payment
from application.ports.books import Books, new_payment_id
from application.ports.charge_reading import ChargeQuery
from application.ports.clock import Clock, NewId
from application.ports.gateways import ConfiguredGateway, Gateways
from application.ports.payment_gateway import GatewayUnavailable
from application.ports.unit_of_work import StorageUnavailable, UnitOfWork
from application.retry import RetryOnConflict
from application.use_cases.books_guard import BooksGuard, BooksGuards
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
class GatewayNotOffered(Exception):
    """The order may not be paid at the gateway that the payer names."""

    gateway: str
    offered: tuple[str, ...]
    """The gateways that it may be paid at, the best first."""


class BooksNotCompared(GatewayUnavailable):
    """Nothing was claimed: the books must be compared with those of the gateway first."""

    def __init__(self, guard: BooksGuard) -> None:
        super().__init__("the database was lost before the claim")
        self.guard = guard


@frozen
class Claim:
    """A payment that was started, and the unit of work that has committed it."""

    payment: Payment
    work: UnitOfWork
    at: ConfiguredGateway
    """Where it is to be charged."""
    generation: int
    """The generation of the books that it was claimed in."""


@frozen
class ClaimOrder:
    """Claim an order for a payment, in one reading and one commit, on compared books."""

    retry: RetryOnConflict
    gateways: Gateways
    capture_mode: CaptureMode
    """For orders that do not say themselves when their money is captured."""
    settle: SettlePayment
    declines: LimitDeclines
    guards: BooksGuards
    books: Books
    health: GatewayHealth
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
            GatewayNotOffered: the order may not be paid at the gateway that the payer names.
            CaptureUnsupported: no gateway of this currency can authorize.
            GatewayUnavailable, StorageUnavailable: nothing may be charged now.
        """
        for _ in range(MAX_CLAIMS):
            try:
                claim = await self._claim(command)
            except BooksNotCompared as not_compared:
                await self._compare(not_compared.guard)
                claim = await self._claim(command)
            if self.guards.of(claim.at).holds(claim.generation):
                return claim
            await self.release(command, claim)
        raise GatewayUnavailable("the database was lost between claim and charge")

    async def _compare(self, guard: BooksGuard) -> None:
        try:
            await self.guards.compare(guard)
        except GatewayUnavailable:
            self.health.failed(guard.compare.gateway.name)
            raise

    async def release(self, command: PayOrder, claim: Claim) -> bool:
        """Free the order for another payment at once; if that fails, recovery does it.

        Nothing was sent, so the same request may be sent again, too. Return whether nothing will be
        charged: a session may know the payment already, and recovery continues it then.
        """

        def release_request(work: UnitOfWork, released: Payment) -> None:
            if command.request is not None:
                command.request.end(work, released.id, ChargeResult(released))

        try:
            await self.settle(claim.payment, NeverSent(), claim.work.continued(), release_request)
        except StorageUnavailable:
            return claim.payment.reference is None
        return True

    async def _claim(self, command: PayOrder) -> Claim:
        payment_id = await new_payment_id(self.books, self.new_id())

        async def decision(work: UnitOfWork) -> Claim:
            generation = self.books.generation
            order = await self._read(work, command, payment_id)
            claimed = self._claimed(order, payment_id, command)
            payment = claimed.payment(payment_id)
            at = self.gateways.having(payment)
            if claimed is not order:
                guard = self.guards.of(at)
                if not self.guards.hold(guard, generation):
                    raise BooksNotCompared(guard)
                work.orders.save(claimed)
                if command.request is not None:
                    command.request.begin(work, payment_id)
            return Claim(payment, work, at, generation)

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
        """Return the order with the claim; an error about the gateway comes after all others."""
        offered = offered_gateways(self.gateways, order, self.capture_mode)
        named = None if command.gateway is None else self.gateways.named(command.gateway)
        at = named or next(iter(offered), self.gateways.default)
        claimed = order.claim(
            payment_id,
            command.payer,
            command.expected,
            at.name,
            at.livemode,
            self.now(),
            self.capture_mode,
            at.sessions.reference(command.token.value),
        )
        if claimed is order:  # it was committed before
            return claimed
        if command.gateway is not None and named not in offered:
            raise GatewayNotOffered(command.gateway, tuple(each.name for each in offered))
        if not offered:
            raise CaptureUnsupported(at.name)
        return claimed


def offered_gateways(
    gateways: Gateways, order: Order, capture_mode: CaptureMode
) -> tuple[ConfiguredGateway, ...]:
    """Return the gateways that an order may be paid at, the best first.

    `capture_mode` is for an order that does not say itself when its money is captured.
    """
    terms = order.replica.terms
    if terms is None:
        return ()
    return gateways.offered(terms.price.currency, terms.capture or capture_mode)
