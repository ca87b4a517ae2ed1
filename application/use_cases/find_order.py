"""FindOrder: find an order by any id of it, for operators."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property

from attrs import evolve, frozen

from application.ports.clock import Clock
from application.ports.gateways import Gateways
from application.ports.order_histories import OrderHistories
from application.ports.unit_of_work import BeginUnitOfWork
from domain.errors import DomainError
from domain.explain_order import explain_order
from domain.explain_payment import explain_payment
from domain.explanation import Explanation, Wait
from domain.history import HistoryEntry
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
    history: Sequence[HistoryEntry] = ()
    """The first entries of its history, oldest first."""

    @property
    def explanation(self) -> Explanation:
        """The explanation of the payment if there is one, else of the order."""
        if self.payment is None:
            explained = self.dated(explain_order(self.order, self.now))
        else:
            explained = self.dated(explain_payment(self.order, self.payment.id, self.now))
        if self.missing_gateway is None:
            return explained
        end = f"PAYMENT_GATEWAY has {self.missing_gateway} again: it is asked about the payment"
        wait = Wait(f"{self.missing_gateway}, which is not configured", ends_with=(end,))
        return evolve(explained, wait=wait)

    def dated(self, explanation: Explanation) -> Explanation:
        """Return an explanation with the times that the history knows."""
        return explanation.dated(self._times)

    @cached_property
    def _times(self) -> Mapping[str, datetime]:
        """When each path was changed last."""
        return {path: each.at for each in self.history for path in json.loads(each.change)}


@frozen
class FindOrder:
    """Find an order by its own id, by one of a payment, or by the gateway's one of a charge."""

    begin: BeginUnitOfWork
    histories: OrderHistories
    gateways: Gateways
    now: Clock

    async def __call__(self, any_id: str) -> FoundOrder:
        """Return the order.

        Raises:
            NothingFound: nothing has this id.
            StorageUnavailable: the database cannot be reached.
        """
        orders = self.begin().orders
        order, payment = await orders.get(OrderId(any_id)), None
        if order is None:
            order = await orders.find_by_payment(PaymentId(any_id))
            payment = None if order is None else order.payment(PaymentId(any_id))
        if order is None:
            order = await orders.find_by_charge(ChargeId(any_id))
            payment = None if order is None else order.payment_of_charge(ChargeId(any_id))
        if order is None:
            raise NothingFound(any_id)
        history = await self.histories.read(order.id)
        return FoundOrder(order, payment, self.now(), self._missing(order, payment), history)

    def _missing(self, order: Order, payment: Payment | None) -> str | None:
        """Return the gateway that would have to be asked, and is not configured."""
        about = payment or order.live_payment
        if about is None or about.next_check_at is None or self.gateways.at(about) is not None:
            return None
        return about.gateway
