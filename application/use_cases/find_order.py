"""FindOrder: find an order by any id of it, for operators."""

from datetime import datetime

from attrs import evolve, frozen

from application.ports.clock import Clock
from application.ports.gateways import Gateways
from application.ports.unit_of_work import BeginUnitOfWork
from domain.errors import DomainError
from domain.explain_order import explain_order
from domain.explain_payment import explain_payment
from domain.explanation import Explanation, Wait
from domain.identifiers import ChargeId, OrderId, PaymentId
from domain.order import Order
from domain.payment import Payment


@frozen
class NothingFound(DomainError):
    """There is no order, payment or charge with this id."""

    id: str


@frozen
class FoundOrder:
    """An order, and its payment if the id was one of a payment or a charge."""

    order: Order
    payment: Payment | None
    now: datetime
    """When it was read."""
    missing_gateway: str | None = None
    """Where what is waited for would have to be asked, if that is not configured any more."""

    @property
    def explanation(self) -> Explanation:
        """The explanation of the payment if there is one, else of the order."""
        if self.payment is None:
            explained = explain_order(self.order, self.now)
        else:
            explained = explain_payment(self.order, self.payment.id, self.now)
        if self.missing_gateway is None:
            return explained
        end = f"PAYMENT_GATEWAY has {self.missing_gateway} again: it is asked about the payment"
        wait = Wait(f"{self.missing_gateway}, which is not configured", ends_with=(end,))
        return evolve(explained, wait=wait)


@frozen
class FindOrder:
    """Find an order by its own id, by one of a payment, or by the gateway's one of a charge."""

    begin: BeginUnitOfWork
    gateways: Gateways
    now: Clock

    async def __call__(self, any_id: str) -> FoundOrder:
        """Return the order.

        Raises:
            NothingFound: nothing has this id.
            StorageUnavailable: the database cannot be reached.
        """
        orders = self.begin().orders
        order = await orders.get(OrderId(any_id))
        if order is not None:
            return self._found(order, None)
        order = await orders.find_by_payment(PaymentId(any_id))
        if order is not None:
            return self._found(order, order.payment(PaymentId(any_id)))
        order = await orders.find_by_charge(ChargeId(any_id))
        if order is None:
            raise NothingFound(any_id)
        return self._found(order, order.payment_of_charge(ChargeId(any_id)))

    def _found(self, order: Order, payment: Payment | None) -> FoundOrder:
        about = payment or order.live_payment
        is_waiting = about is not None and about.next_check_at is not None
        is_missing = about is not None and is_waiting and self.gateways.at(about) is None
        missing = about.gateway if about is not None and is_missing else None
        return FoundOrder(order, payment, self.now(), missing)
