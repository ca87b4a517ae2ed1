"""OrderReplica: our copy of an order, merged from the events of the orders service."""

from datetime import datetime
from enum import Enum
from typing import Final

from attrs import evolve, frozen

from domain.capture import CaptureMode
from domain.identifiers import OrderId, UserId
from domain.money import Money
from domain.pseudonym import is_pseudonym


class OrderStatus(Enum):
    """The states of an order, in the order in which they may follow each other."""

    CREATED = "created"
    COMPLETE = "complete"
    CANCELLED = "cancelled"


_RANK: Final = {status: rank for rank, status in enumerate(OrderStatus)}


@frozen
class Terms:
    """The part of an order that `order:created` contains: owner, price, expiry, capture."""

    version: int
    user_id: UserId
    price: Money
    expires_at: datetime | None = None
    capture: CaptureMode | None = None
    """When its money is captured; None: as is configured."""

    def newest(self, other: "Terms | None") -> "Terms":
        """Return the terms with the higher version; these if both versions are equal.

        If one of them has the pseudonym of a user who was forgotten, the result has it: an event
        that is delivered again, or a later one, does not bring the user's id back.
        """
        if other is None:
            return self
        newest = self if self.version >= other.version else other
        for each in (self, other):
            if is_pseudonym(each.user_id):
                return evolve(newest, user_id=each.user_id)
        return newest


@frozen
class Shipment:
    """The content of an `order:shipped` event: what is authorized may be captured."""

    version: int
    minor_units: int | None = None
    """How much of it, in minor units; None: all of it."""

    def newest(self, other: "Shipment | None") -> "Shipment":
        """Return the shipment with the higher version; this one if both versions are equal."""
        return self if other is None or self.version >= other.version else other


@frozen
class OrderReplica:
    """The merge of all events received for an order, in any order of delivery.

    `terms` is None while no `order:created` has been received.
    """

    id: OrderId
    version: int
    status: OrderStatus
    terms: Terms | None = None
    shipment: Shipment | None = None

    @classmethod
    def created(cls, order_id: OrderId, terms: Terms, status: OrderStatus) -> "OrderReplica":
        """Return the replica that a single `order:created` event describes."""
        return cls(order_id, terms.version, status, terms)

    @classmethod
    def cancelled(cls, order_id: OrderId, version: int) -> "OrderReplica":
        """Return the replica that a single `order:cancelled` event describes."""
        return cls(order_id, version, OrderStatus.CANCELLED)

    @classmethod
    def shipped(cls, order_id: OrderId, shipment: Shipment) -> "OrderReplica":
        """Return the replica that a single `order:shipped` event describes."""
        return cls(order_id, shipment.version, OrderStatus.CREATED, shipment=shipment)

    @classmethod
    def unknown(cls, order_id: OrderId) -> "OrderReplica":
        """Return the replica of an order of which no event has been received; it is not payable."""
        return cls(order_id, 0, OrderStatus.CREATED)

    def merge(self, other: "OrderReplica") -> "OrderReplica":
        """Merge another replica: the newest version wins, and cancelled is final.

        Idempotent and associative, so that batches and duplicates give the same replica. It is
        commutative as well, unless two events of one version differ: then the first one counts.
        """
        return OrderReplica(
            id=self.id,
            version=max(self.version, other.version),
            status=max(self.status, other.status, key=_RANK.__getitem__),
            terms=self.terms.newest(other.terms) if self.terms else other.terms,
            shipment=self.shipment.newest(other.shipment) if self.shipment else other.shipment,
        )

    def complete(self) -> "OrderReplica":
        """Mark the order as paid. A cancelled order stays cancelled."""
        if self.status is not OrderStatus.CREATED:
            return self
        return evolve(self, status=OrderStatus.COMPLETE)

    @property
    def is_cancelled(self) -> bool:
        """Whether the order is cancelled."""
        return self.status is OrderStatus.CANCELLED

    @property
    def expires_at(self) -> datetime | None:
        """When the time to pay is over; None if that is not known."""
        return self.terms.expires_at if self.terms else None

    def is_expired(self, now: datetime) -> bool:
        """Whether the time to pay is over; an order without a known expiry never expires."""
        return self.expires_at is not None and self.expires_at <= now
