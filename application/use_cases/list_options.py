"""ListOptions: how a customer may pay for an order."""

from datetime import datetime

from attrs import frozen

from application.gateway_health import GatewayHealth
from application.log_context import note
from application.ports.clock import Clock
from application.ports.gateways import ConfiguredGateway, Gateways
from application.ports.unit_of_work import BeginUnitOfWork
from application.use_cases.claim_order import offered_gateways
from domain.capture import CaptureMode
from domain.claim import (
    AlreadyPaid,
    ExpectedAmount,
    OrderNotFound,
    PaymentInProgress,
    payable_terms,
)
from domain.identifiers import OrderId, UserId
from domain.money import Money
from domain.order import Order
from domain.payment import Payment


@frozen
class OfferedGateway:
    """A gateway that an order may be paid at."""

    name: str
    is_away: bool
    """Whether it has failed lately."""


@frozen
class PaymentOptions:
    """What is due for an order, and how it may be paid."""

    order_id: OrderId
    due: Money
    expires_at: datetime | None
    payment: Payment | None
    """The payment that has paid the order, or still may."""
    gateways: tuple[OfferedGateway, ...]
    """The best first; those that are away come last."""


@frozen
class ListOptions:
    """Return the gateways that a user's order may be paid at now. It asks no gateway."""

    begin: BeginUnitOfWork
    gateways: Gateways
    capture_mode: CaptureMode
    """For orders that do not say themselves when their money is captured."""
    health: GatewayHealth
    now: Clock

    async def __call__(self, order_id: OrderId, user: UserId) -> PaymentOptions:
        """Return the options of an order.

        While a payment of it is in progress, only the gateway of that payment is one; none is if it
        is paid.

        Raises:
            OrderNotFound, NotYourOrder, OrderCancelled, OrderExpired, NothingDue: the order may not
                be paid; see `payable_terms`.
            AlreadyPaid, PaymentInProgress: the payment is another user's, or not known.
            StorageUnavailable: the database cannot be reached.
        """
        note(order_id=order_id)
        order = await self.begin().orders.get(order_id)
        if order is None or order.replica.terms is None:
            raise OrderNotFound(order_id)
        try:
            payable_terms(order.replica, order.live_payment, user, ExpectedAmount(), self.now())
        except (AlreadyPaid, PaymentInProgress) as live:
            if live.payment is None:
                raise
        terms, payment = order.replica.terms, order.live_payment
        found = tuple(
            OfferedGateway(each.name, self.health.is_away(each.name))
            for each in self._usable(order, payment)
        )
        return PaymentOptions(
            order_id,
            terms.price if payment is None else payment.amount,
            terms.expires_at,
            payment,
            tuple(sorted(found, key=lambda each: each.is_away)),
        )

    def _usable(self, order: Order, payment: Payment | None) -> tuple[ConfiguredGateway, ...]:
        if payment is None:
            return offered_gateways(self.gateways, order, self.capture_mode)
        at = self.gateways.at(payment) if payment.is_open else None
        return () if at is None else (at,)
