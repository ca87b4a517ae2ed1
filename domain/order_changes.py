"""What has changed of an order, in our words: each field by its path, before and after.

Nothing of it names a person: that an order has an owner is recorded, not who it is. When something
is checked next is no change of the order, so it is left out, too.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from operator import attrgetter
from typing import Any, Final

from attrs import fields

from domain.capture import CaptureMode
from domain.dispute import Dispute, DisputeStatus
from domain.money import Money
from domain.order import Order
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from domain.pseudonym import is_pseudonym
from domain.refund import Refund, RefundStatus
from domain.replica import OrderReplica, OrderStatus, Shipment, Terms

Value = None | bool | int | str | Mapping[str, int | str]
"""The value of a field: an amount has minor units and a currency, a time is ISO 8601 in UTC."""

Changes = Mapping[str, tuple[Value, Value]]
"""By path: the value before and after. The value of what does not exist is None."""

STATE_BEGINS: Final = "order.id"
"""A change with this path lists everything that the order has, so that its state follows from it
alone; other changes list only what differs."""

OWNER: Final = "order.terms.user"
"""Has the value "set" if the order has an owner: whose it is can be forgotten, a hash cannot."""

SET: Final = "set"
REPLACED: Final = "replaced"
FORGOTTEN: Final = "forgotten"

_ENTITIES: Final = (("payment", "payments"), ("refund", "refunds"), ("dispute", "disputes"))

# Ids that the path names, the owner, and what only says when and how recovery continues.
_LEFT_OUT: Final = frozenset(
    {"id", "order_id", "user_id", "terms", "shipment", "next_check_at", "capture_attempt"}
)


_Found = dict[str, tuple[Value, Value]]

_Part = OrderReplica | Terms | Shipment | Payment | Refund | Dispute


def changes_of(before: Order | None, after: Order) -> Changes:
    """Return what differs between two states of an order; None is an order that did not exist."""
    changes: dict[str, tuple[Value, Value]] = {}
    if before is None:
        changes[STATE_BEGINS] = (None, after.id)
        _add_replica(changes, None, after.replica)
    elif before.replica is not after.replica:
        _add_replica(changes, before.replica, after.replica)
    for kind, name in _ENTITIES:
        entities = getattr(after, name)
        known = () if before is None else getattr(before, name)
        if entities is not known:
            by_id = {each.id: each for each in known}
            for each in entities:
                _add_fields(changes, f"{kind}.{each.id}", by_id.get(each.id), each)
    return changes


def _add_replica(changes: _Found, before: OrderReplica | None, after: OrderReplica) -> None:
    _add_fields(changes, "order", before, after)
    terms, shipment = (None, None) if before is None else (before.terms, before.shipment)
    _add_fields(changes, "order.terms", terms, after.terms)
    _add_fields(changes, "order.shipment", shipment, after.shipment)
    owner = None if after.terms is None else after.terms.user_id
    if owner is None or (terms is not None and terms.user_id == owner):
        return
    if terms is None:
        changes[OWNER] = (None, SET)
    else:
        changes[OWNER] = (SET, FORGOTTEN if is_pseudonym(owner) else REPLACED)


_NAMES: Final[Mapping[type, Sequence[str]]] = {
    part: tuple(each.name for each in fields(part) if each.name not in _LEFT_OUT)
    for part in (OrderReplica, Terms, Shipment, Payment, Refund, Dispute)
}

RECORDED: Final = {part: (names, attrgetter(*names)) for part, names in _NAMES.items()}
"""The names of the fields that are recorded, and what reads them all at once."""


def _add_fields(changes: _Found, path: str, before: _Part | None, after: _Part | None) -> None:
    if after is None or before is after:
        return
    names, read = RECORDED[type(after)]
    new = read(after)
    old = (None,) * len(names) if before is None else read(before)
    if new == old:
        return
    for name, one, other in zip(names, old, new, strict=True):
        if one != other:
            changes[f"{path}.{name}"] = (_value(one), _value(other))


def _value(value: Any) -> Value:
    kind = type(value)
    if kind in _PLAIN:
        plain: Value = value
        return plain
    return _VALUES[kind](value)


def moment(at: datetime) -> str:
    """Return a time as text: ISO 8601 in UTC, with microseconds."""
    if at.tzinfo is not UTC:
        try:
            at = at.astimezone(UTC)
        except OverflowError:  # the first or the last day that there is
            at = at.replace(tzinfo=UTC)
    return at.isoformat("T", "microseconds")


def _amount(money: Money) -> Value:
    return {"currency": money.currency.code, "minor_units": money.minor_units}


def _name(value: Enum) -> Value:
    return str(value.value)


# Look-ups, because a match takes several times as long, and each commit has several values.
_PLAIN: Final = frozenset({type(None), bool, int, str})
_VALUES: Final[Mapping[type, Callable[[Any], Value]]] = {
    Money: _amount,
    datetime: moment,
    **dict.fromkeys((CaptureMode, DisputeStatus, OrderStatus, PaymentStatus, RefundStatus), _name),
}
