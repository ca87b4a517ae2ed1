"""Records: what the world sees of the service, as plain data."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from attrs import field, frozen

from payments_kit.simulation.model.amounts import Amount
from payments_kit.simulation.model.reports import (
    Attempt,
    DeclineLimits,
    GatewayDispute,
    GivenBack,
    Hold,
    Reply,
)


class OrderEvent(NamedTuple):
    """An event of the orders service; without terms, it only cancels the order."""

    id: str
    version: int
    is_cancelled: bool = False
    user_id: str | None = None
    price: Amount | None = None
    expires_at: datetime | None = None
    stored_at: datetime | None = None
    """When it was certainly in the books; None: not known."""
    is_shipped: bool = False
    shipped: int | None = None
    """How many minor units of what is authorised may be captured; None: all."""
    published_at: datetime | None = None
    capture: str | None = None
    """`automatic` or `manual`; None: it does not say."""


class BookedPayment(NamedTuple):
    """One row of our payments."""

    id: str
    user_id: str
    status: str
    amount: Amount
    charge_id: str | None = None
    captured: Amount | None = None
    """What was taken, which may be another amount than requested."""
    code: str | None = None
    claimed_at: datetime | None = None
    gateway: str | None = None
    is_manual: bool = False
    """Whether it is authorised first, and captured later."""
    authorized_until: datetime | None = None
    requested: Amount | None = None
    """How much is being captured."""
    release_reason: str | None = None
    """Why an operator released it."""
    next_capture: Amount | None = None
    """How much is captured next if that is refused."""


class BookedRefund(NamedTuple):
    """One row of our refunds."""

    id: str
    payment_id: str
    charge_id: str
    amount: Amount
    status: str
    reason: str | None = None
    reference: str | None = None
    """The gateway's name for it, once the gateway is known to have it."""


class BookedDispute(NamedTuple):
    """One row of our disputes."""

    id: str
    payment_id: str
    status: str
    charge_id: str = ""
    reason: str = ""


class BookedOrder(NamedTuple):
    """One row of our orders, with the rows that belong to it."""

    id: str
    version: int
    status: str
    user_id: str | None = None
    price: Amount | None = None
    payments: tuple[BookedPayment, ...] = ()
    refunds: tuple[BookedRefund, ...] = ()
    disputes: tuple[BookedDispute, ...] = ()
    shipped: tuple[int, int | None] | None = None
    """The newest shipment: its version, and how many minor units; None: all."""
    expires_at: datetime | None = None
    capture: str | None = None


class Charge(NamedTuple):
    """Money that the gateway has captured, or still holds or waits for."""

    id: str
    payment_id: str
    """The payment that its label names."""
    amount: Amount
    order_id: str | None = None
    captured_at: datetime | None = None
    claimed_at: datetime | None = None
    """When its payment was claimed; None if that is not known."""
    state: str = "captured"
    """`captured`, `held` (authorised) or `pending` (the bank has not paid yet)."""
    authorized_at: datetime | None = None
    """When the money was held, if it was captured later."""


class Event(NamedTuple):
    """One delivery of an event of ours."""

    id: str
    subject: str
    body: Mapping[str, Any]
    at: datetime | None = None
    """When it happened, as the event says."""


@frozen
class History:
    """Everything that is known of a shop, at a moment at which nothing is in progress."""

    charges: Sequence[Charge] = ()
    refunds: Sequence[GivenBack] = ()
    orders: Sequence[BookedOrder] = ()
    events: Sequence[Event] = ()
    """In the order of their delivery."""
    committed: Sequence[str] | None = None
    """The ids of our events in the order of the commits that caused them, if it is known."""
    replies: Sequence[Reply] = ()
    order_events: Sequence[OrderEvent] | None = None
    """The order events that were acknowledged and can be used; None if they are not known."""
    malformed: Collection[bytes] = ()
    """The acknowledged order events that cannot be used."""
    dead_letters: Collection[bytes] = ()
    replayed: Collection[bytes] = ()
    """The dead letters that an operator has replayed; those that can be used are kept, too."""
    hides_external_refunds: bool = False
    """Whether the gateway reports no external refund, so that the books may lack it."""
    has_lost_transactions: bool = False
    """Whether the database has lost commits, as after a failover to a standby that lagged."""
    unpublished: int = 0
    rejected: Collection[str] = ()
    """The events that the broker has rejected for a while; later ones may come first."""
    holds: Sequence[Hold] = ()
    disputes: Sequence[GatewayDispute] | None = None
    """Every dispute of every gateway; None if they are not known."""
    differences: Collection[tuple[str, str]] | None = None
    """What a comparison of all books has told in the end: kinds and names; None without one."""
    forgotten_refunds: Collection[str] = ()
    """The refunds, by their names in our books, that a gateway has no record of any more."""
    attempts: Sequence[Attempt] = ()
    decline_limits: DeclineLimits | None = None
    """None if there are none."""
    never_wanted: Collection[str] = ()
    """The payments whose authorisation was to be released when the books first knew of it."""
    captures_asked: Collection[tuple[str, int]] = ()
    """The payments that an operator wanted captured, or others have captured at the gateway, and
    how much of each."""
    live: Mapping[str, Sequence[Sequence[datetime]]] | None = None
    """By order: from when until when it had a live payment, or one in review, as often as it had;
    without an end, it still has. None if it is not known."""
    reviewed: Collection[str] = ()
    """The payments of which an operator wanted to decide whether their order keeps them."""
    healed_at: datetime | None = None
    """When the last fault had ended, if it is known."""
    capture_alerts: Collection[str] = ()
    """The payments of which an operator was told that they could not be captured."""
    not_listed: Mapping[str, Mapping[str, Sequence[datetime]]] = field(factory=dict)
    """By payment, and by gateway: when the process that claimed the payment asked the gateway for
    its charges, and did not get them in time."""
    histories: Mapping[str, Sequence[str]] | None = field(default=None, repr=False)
    """By order: the lines of its history, as they are exported; None if they are not known."""
    secrets: Collection[str] = field(default=(), repr=False)
    texts: Iterable[str] = field(default=(), repr=False)

    @cached_property
    def payments(self) -> dict[str, BookedPayment]:
        """Our payments by id."""
        return {payment.id: payment for order in self.orders for payment in order.payments}

    @cached_property
    def order_ids(self) -> dict[str, str]:
        """The order of each of our payments."""
        return {payment.id: order.id for order in self.orders for payment in order.payments}

    @cached_property
    def by_charge(self) -> dict[str, BookedPayment]:
        """Our payments by the charge that they record."""
        return {each.charge_id: each for each in self.payments.values() if each.charge_id}

    @cached_property
    def succeeded_refunds(self) -> list[BookedRefund]:
        """Our refunds that have succeeded, those of others included."""
        return [
            each for order in self.orders for each in order.refunds if each.status == "succeeded"
        ]

    @cached_property
    def _given_back(self) -> dict[str, int]:
        sums = dict[str, int]()
        for each in self.refunds:
            sums[each.charge_id] = sums.get(each.charge_id, 0) + each.amount.minor_units
        return sums

    @property
    def captured(self) -> list[Charge]:
        """The charges whose money was taken."""
        return [each for each in self.charges if each.state == "captured"]

    def kept(self, charge: Charge) -> int:
        """Return the minor units of a charge that the gateway has not given back."""
        return charge.amount.minor_units - self._given_back.get(charge.id, 0)

    def is_given_back(self, payment: BookedPayment) -> bool:
        """Whether the books say that all that was taken went back."""
        back = (each for each in self.succeeded_refunds if each.payment_id == payment.id)
        taken = 0 if payment.captured is None else payment.captured.minor_units
        return sum(each.amount.minor_units for each in back) >= taken

    def payment_of(self, charge: Charge) -> BookedPayment | None:
        """Return the payment that records a charge, else the one that its label names."""
        return self.by_charge.get(charge.id) or self.payments.get(charge.payment_id)

    def order_of(self, charge: Charge) -> str:
        """Return the order that a charge is for."""
        recorded = self.by_charge.get(charge.id)
        booked = self.order_ids.get(recorded.id if recorded else charge.payment_id)
        return booked or charge.order_id or f"of {charge.payment_id}"
