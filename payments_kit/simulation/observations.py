"""Observations: the data that invariants check, from the simulation or from real servers."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from attrs import field, frozen

from domain.money import Money
from domain.order import Order
from domain.payment import Payment
from domain.refund import Refund, RefundStatus
from domain.replica import OrderReplica
from payments_kit.simulation.model.records import OrderEvent
from payments_kit.simulation.model.reports import (
    Attempt,
    DeclineLimits,
    GatewayDispute,
    Hold,
    Reply,
)


@frozen
class GatewayCharge:
    """A charge that the gateway captured, or will."""

    id: str
    payment_id: str
    amount: Money
    order_id: str = ""
    captured_at: datetime | None = None
    claimed_at: datetime | None = None
    """When the payment was claimed; None if that is not known."""
    state: str = "captured"
    """`captured`, `held`, or `pending` while the bank has not paid yet."""
    authorized_at: datetime | None = None


@frozen
class GatewayRefund:
    """A refund that the gateway completed."""

    charge_id: str
    amount: Money
    refund_id: str | None = None
    """Our refund's id; None for an external refund."""


@frozen
class Delivered:
    """One delivery of one of our events to a consumer."""

    id: str
    subject: str
    order_id: str
    payment_id: str
    body: object = None
    """Any value that is equal for two deliveries of the same content."""
    at: datetime | None = None


@frozen
class RecordedReply:
    """A reply to a request to pay.

    `kind` is `paid` (201), `declined` (402), `not charged` (503: the payment that the request
    started was never charged), `key reused` (422: the request started no payment), `cancelled` (200
    to a cancellation), or anything else that only names a payment.
    """

    kind: str
    payment_id: str
    user_id: str | None = None
    """The user who got the reply, if known."""


@frozen
class Observations:
    """Everything that the invariants compare, collected when nothing is in progress any more."""

    charges: Sequence[GatewayCharge]
    refunds: Sequence[GatewayRefund]
    orders: Sequence[Order]
    delivered: Sequence[Delivered] = ()
    """In the order of delivery to the consumer."""
    committed: Sequence[str] | None = None
    """The ids of our events in the order of the commits that caused them; None if not known."""
    replies: Sequence[RecordedReply | Reply] = ()
    acknowledged: Sequence[OrderReplica | OrderEvent] | None = None
    """The order events that were acknowledged and are not in the dead letters; None if they are
    not known."""
    malformed: Collection[bytes] = ()
    """The acknowledged order events that can never be used."""
    dead_letters: Collection[bytes] = ()
    """The content of the dead letters."""
    replayed: Collection[bytes] = ()
    rejected: Collection[str] = ()
    hides_external_refunds: bool = False
    """Whether the gateway reports no external refund, so that our orders may lack one."""
    has_lost_transactions: bool = False
    """Whether the database has lost transactions. A customer may have paid again before a lost
    payment was reported, which is then given back although it was confirmed and published."""
    holds: Sequence[Hold] = ()
    disputes: Sequence[GatewayDispute] | None = None
    differences: Collection[tuple[str, str]] = ()
    forgotten_refunds: Collection[str] = ()
    was_reconciled: bool = False
    attempts: Sequence[Attempt] = ()
    decline_limits: DeclineLimits | None = None
    never_wanted: Collection[str] = ()
    captures_asked: Collection[tuple[str, int]] = ()
    capture_alerts: Collection[str] = ()
    not_listed: Mapping[str, Mapping[str, Sequence[datetime]]] = field(factory=dict)
    live: Mapping[str, Sequence[Sequence[datetime]]] | None = None
    reviewed: Collection[str] = ()
    healed_at: datetime | None = None
    histories: Mapping[str, Sequence[str]] | None = field(default=None, repr=False)
    unpublished: int = 0
    """How many of our events are waiting to be published, or were rejected."""
    secrets: Collection[str] = field(default=(), repr=False)
    """Texts that must not appear anywhere: card tokens, keys, client secrets."""
    texts: Iterable[str] = field(default=(), repr=False)
    """The texts to search for secrets besides the orders and events: logs, errors, table dumps."""

    @property
    def payments(self) -> dict[str, Payment]:
        """All our payments by id."""
        return {payment.id: payment for order in self.orders for payment in order.payments}

    @property
    def our_refunds(self) -> list[Refund]:
        """All refunds that we record as succeeded, external ones included."""
        return [
            refund
            for order in self.orders
            for refund in order.refunds
            if refund.status is RefundStatus.SUCCEEDED
        ]
