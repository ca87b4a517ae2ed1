"""FindOrder: find an order by any id of it, for operators."""

from datetime import datetime

from attrs import frozen

from application.ports.clock import Clock
from application.ports.unit_of_work import BeginUnitOfWork
from domain.errors import DomainError
from domain.explain_order import explain_order
from domain.explain_payment import explain_payment
from domain.explanation import Explanation
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

    @property
    def explanation(self) -> Explanation:
        """The explanation of the payment if there is one, else of the order."""
        if self.payment is None:
            return explain_order(self.order, self.now)
        return explain_payment(self.order, self.payment.id, self.now)


@frozen
class FindOrder:
    """Find an order by its own id, by one of a payment, or by the gateway's one of a charge."""

    begin: BeginUnitOfWork
    now: Clock

    async def __call__(self, any_id: str) -> FoundOrder:
        """Return the order.

        Raises:
            NothingFound: nothing has this id.
            StorageUnavailable: the database cannot be reached.
        """
        orders, now = self.begin().orders, self.now()
        order = await orders.get(OrderId(any_id))
        if order is not None:
            return FoundOrder(order, None, now)
        order = await orders.find_by_payment(PaymentId(any_id))
        if order is not None:
            return FoundOrder(order, order.payment(PaymentId(any_id)), now)
        order = await orders.find_by_charge(ChargeId(any_id))
        if order is None:
            raise NothingFound(any_id)
        return FoundOrder(order, order.payment_of_charge(ChargeId(any_id)), now)
