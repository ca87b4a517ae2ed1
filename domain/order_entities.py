"""OrderEntities: the parts of one order, and how to find and replace them."""

from datetime import datetime
from typing import Self, TypeVar

from attrs import evolve, frozen

from domain.dispute import Dispute
from domain.errors import DomainError
from domain.identifiers import ChargeId, DisputeId, OrderId, PaymentId, RefundId
from domain.payment import Payment
from domain.refund import Refund
from domain.replica import OrderReplica, OrderStatus
from domain.second_charge import second_charge_id

Entity = TypeVar("Entity", Payment, Refund, Dispute)


@frozen
class PaymentNotFound(DomainError):
    """There is no such payment, or it is another user's."""

    payment_id: PaymentId


@frozen
class OrderEntities:
    """The replica of an order with its payments, refunds and disputes, oldest first."""

    replica: OrderReplica
    payments: tuple[Payment, ...] = ()
    refunds: tuple[Refund, ...] = ()
    disputes: tuple[Dispute, ...] = ()

    @property
    def id(self) -> OrderId:
        """The order's identifier."""
        return self.replica.id

    @property
    def status(self) -> OrderStatus:
        """The order's state."""
        return self.replica.status

    @property
    def is_cancelled(self) -> bool:
        """Whether the order is cancelled."""
        return self.replica.is_cancelled

    def payment(self, payment_id: PaymentId) -> Payment:
        """Return one of its payments.

        Raises:
            PaymentNotFound: the order has no such payment.
        """
        for payment in self.payments:
            if payment.id == payment_id:
                return payment
        raise PaymentNotFound(payment_id)

    def payment_of_charge(self, charge_id: ChargeId) -> Payment | None:
        """Return the payment that captured this charge."""
        return next((each for each in self.payments if each.charge_id == charge_id), None)

    def payment_at_gateway(self, payment_id: PaymentId) -> Payment:
        """Return a payment under the id that the gateway has for it.

        They differ for a second charge: the gateway made it for the payment that was charged first.

        Raises:
            PaymentNotFound: the order has no such payment.
        """
        payment = self.payment(payment_id)
        for first in self.payments:
            if second_charge_id(first.id, payment.charge_id) == payment.id:
                return evolve(payment, id=first.id)
        return payment

    def refund(self, refund_id: RefundId) -> Refund | None:
        """Return one of its refunds."""
        return next((refund for refund in self.refunds if refund.id == refund_id), None)

    def dispute(self, dispute_id: DisputeId) -> Dispute | None:
        """Return one of its disputes."""
        return next((dispute for dispute in self.disputes if dispute.id == dispute_id), None)

    def with_payment(self, payment: Payment) -> Self:
        """Return this order with the payment added, or replaced if it has the id already."""
        payments = sorted(_replace(self.payments, payment), key=_age)
        return evolve(self, payments=tuple(payments))

    def with_refund(self, refund: Refund) -> Self:
        """Return this order with the refund added, or replaced if it has the id already."""
        return evolve(self, refunds=_replace(self.refunds, refund))

    def with_dispute(self, dispute: Dispute) -> Self:
        """Return this order with the dispute added, or replaced if it has the id already."""
        return evolve(self, disputes=_replace(self.disputes, dispute))


def _age(payment: Payment) -> tuple[datetime, PaymentId]:
    return payment.created_at, payment.id


def _replace(entities: tuple[Entity, ...], changed: Entity) -> tuple[Entity, ...]:
    if all(each.id != changed.id for each in entities):
        return entities + (changed,)  # noqa: RUF005 - mypy cannot infer the unpacked type
    return tuple(changed if each.id == changed.id else each for each in entities)
