"""Order: our replica of an order, merged from the events of the service that owns it."""

from datetime import datetime
from enum import Enum
from typing import Final, NewType

from attrs import evolve, frozen

from domain.errors import DomainError
from domain.money import Money

OrderId = NewType("OrderId", str)
UserId = NewType("UserId", str)


class OrderStatus(Enum):
    """How far an order has come; a later one in this list is never left for an earlier one."""

    CREATED = "created"
    COMPLETE = "complete"
    CANCELLED = "cancelled"


_RANK: Final = {status: rank for rank, status in enumerate(OrderStatus)}


@frozen
class OrderCancelled(DomainError):
    """The order was cancelled: it can never be paid."""

    order_id: OrderId


@frozen
class OrderExpired(DomainError):
    """The order's time to be paid is over."""

    order_id: OrderId
    expired_at: datetime


@frozen
class NotYourOrder(DomainError):
    """The order belongs to another user, who must not learn of this attempt nor this user of the order."""

    order_id: OrderId


@frozen
class Terms:
    """What `order:created` says about an order: whose it is, what it costs, until when."""

    version: int
    user_id: UserId
    price: Money
    expires_at: datetime | None = None

    def newest(self, other: "Terms | None") -> "Terms":
        """Whichever is of the newer version; of one version, the ones we have already."""
        return self if other is None or self.version >= other.version else other


@frozen
class Order:
    """A replica of an order: a merge of every event heard about it, in whatever order they came.

    `terms` is None while only a cancellation has been heard.
    """

    id: OrderId
    version: int
    status: OrderStatus
    terms: Terms | None = None

    @classmethod
    def created(
        cls, order_id: OrderId, terms: Terms, status: OrderStatus = OrderStatus.CREATED
    ) -> "Order":
        """What one `order:created` event alone says."""
        return cls(order_id, terms.version, status, terms)

    @classmethod
    def cancelled(cls, order_id: OrderId, version: int) -> "Order":
        """What one `order:cancelled` event alone says."""
        return cls(order_id, version, OrderStatus.CANCELLED)

    def merge(self, heard: "Order") -> "Order":
        """Learn what another event says: the newest version wins, cancelled is for ever.

        Commutative, associative and idempotent, so any order of delivery ends in the same replica. An
        event that contradicts another one of its version is taken for a duplicate: the first counts.
        """
        return evolve(
            self,
            version=max(self.version, heard.version),
            status=max(self.status, heard.status, key=_RANK.__getitem__),
            terms=self.terms.newest(heard.terms) if self.terms else heard.terms,
        )

    def complete(self) -> "Order":
        """It has been paid. A cancelled order stays cancelled."""
        return evolve(self, status=max(self.status, OrderStatus.COMPLETE, key=_RANK.__getitem__))

    @property
    def is_cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self.status is OrderStatus.CANCELLED

    def is_expired(self, now: datetime) -> bool:
        """Whether its time to be paid is over; an order without a known expiry never expires."""
        expires_at = self.terms.expires_at if self.terms else None
        return expires_at is not None and expires_at <= now
