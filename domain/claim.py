"""Claim: the rule that decides whether an order may be paid by this user now."""

from datetime import datetime

from attrs import frozen

from domain.errors import DomainError
from domain.identifiers import OrderId, UserId
from domain.money import Money
from domain.payment import Payment
from domain.replica import OrderReplica, OrderStatus, Terms


@frozen
class OrderNotFound(DomainError):
    """No `order:created` has been received for this order."""

    order_id: OrderId


@frozen
class NotYourOrder(DomainError):
    """The order belongs to another user; neither user may learn about the other."""

    order_id: OrderId


@frozen
class OrderCancelled(DomainError):
    """The order is cancelled and can never be paid."""

    order_id: OrderId


@frozen
class OrderExpired(DomainError):
    """The time to pay is over."""

    order_id: OrderId
    expired_at: datetime


@frozen
class AlreadyPaid(DomainError):
    """The order is paid; `payment` is the payment, if we have it and it is the payer's own."""

    order_id: OrderId
    payment: Payment | None


@frozen
class PaymentInProgress(DomainError):
    """Another payment may still succeed; `payment` is that one, if it is the payer's own."""

    order_id: OrderId
    payment: Payment | None


@frozen
class NothingDue(DomainError):
    """The order costs nothing, so there is nothing to pay."""

    order_id: OrderId


@frozen
class AmountMismatch(DomainError):
    """The payer expects another amount or currency than what is due."""

    due: Money


@frozen
class ExpectedAmount:
    """The amount that the payer expects to pay; None where the payer did not state it."""

    minor_units: int | None = None
    currency: str | None = None

    def matches(self, due: Money) -> bool:
        """Whether the payer expects what is due."""
        return self.minor_units in (None, due.minor_units) and (
            self.currency is None or self.currency.lower() == due.currency.code
        )


def payable_terms(
    replica: OrderReplica,
    live: Payment | None,
    payer: UserId,
    expected: ExpectedAmount,
    now: datetime,
) -> Terms:
    """Return the terms to pay under; `live` is the payment that blocks others, if there is one.

    Raises:
        OrderNotFound: no `order:created` has been received.
        NotYourOrder: the order belongs to another user.
        OrderCancelled, OrderExpired: the order can no longer be paid.
        AlreadyPaid, PaymentInProgress: another payment of the order is live.
        NothingDue: the order costs nothing.
        AmountMismatch: the payer expects another amount than what is due.
    """
    terms = replica.terms
    if terms is None:
        raise OrderNotFound(replica.id)
    if terms.user_id != payer:
        raise NotYourOrder(replica.id)
    if replica.is_cancelled:
        raise OrderCancelled(replica.id)
    # The order may have had another owner: no user may learn about another user's payment.
    own = live if live is not None and live.user_id == payer else None
    if live is not None and live.is_open:
        raise PaymentInProgress(replica.id, own)
    if live is not None or replica.status is OrderStatus.COMPLETE:
        raise AlreadyPaid(replica.id, own)
    if terms.expires_at is not None and replica.is_expired(now):
        raise OrderExpired(replica.id, terms.expires_at)
    if terms.price.is_zero:
        raise NothingDue(replica.id)
    if not expected.matches(terms.price):
        raise AmountMismatch(terms.price)
    return terms
