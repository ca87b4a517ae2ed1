"""What a change of an order is in its history: canonical JSON, and words for a reader.

Each charge has two changes, of an order with one payment: it is claimed and settled. Their text is
made with a template for the fields that have changed, which takes half of the time; that of all
others by the general encoder. Both are the same text, which a test compares.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from functools import lru_cache
from itertools import compress
from operator import eq, is_not
from typing import Any, Final, NamedTuple

from domain.canonical_json import canonical_json, canonical_text
from domain.capture import CaptureMode
from domain.change_words import words_of
from domain.money import Money
from domain.order import Order
from domain.order_changes import RECORDED, changes_of, moment
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from domain.replica import OrderReplica, OrderStatus


class ChangeText(NamedTuple):
    """A change of an order as its history has it."""

    change: str
    """Canonical JSON: an object with `[before, after]` of each path."""
    words: str


class _Template(NamedTuple):
    """The text of a part of which certain fields have changed."""

    text: str
    """With %s for each value, and a character that no JSON contains for the part's path."""
    positions: Sequence[int]
    """Of the values, in the fields before and after."""


# Templates of payments and replicas that are used again and again: a few for each kind of gateway.
_MAX_TEMPLATES: Final = 64

_PATH: Final = "\0"


def text_of(before: Order | None, after: Order) -> ChangeText | None:
    """Return what has changed; None if nothing has. If `before` is None, the order is new."""
    return (before and charge_text_of(before, after)) or general_text_of(before, after)


def general_text_of(before: Order | None, after: Order) -> ChangeText | None:
    """Return the same as `text_of`, without templates."""
    changes = changes_of(before, after)
    return ChangeText(canonical_json(changes), words_of(changes)) if changes else None


def charge_text_of(before: Order, after: Order) -> ChangeText | None:
    """Return what has changed if it is the state of the only payment, and perhaps of the order."""
    if before.refunds is not after.refunds or before.disputes is not after.disputes:
        return None
    old, new = before.replica, after.replica
    if old.terms is not new.terms or old.shipment is not new.shipment:
        return None
    if len(after.payments) != 1 or len(before.payments) > 1:
        return None
    [payment] = after.payments
    known = before.payments[0] if before.payments else None
    if known is not None and (known.id != payment.id or known.status is payment.status):
        return None
    text = _text_of_part(f"payment.{payment.id}", known, payment)
    words = f"payment {payment.status.value}"
    if text is None:
        return None
    if old is not new:
        order = _text_of_part("order", old, new)
        if order is None or old.status is new.status:
            return None
        return ChangeText(f"{{{order},{text}}}", f"{words}, order {new.status.value}")
    return ChangeText(f"{{{text}}}", words)


def _text_of_part(
    path: str, before: Payment | OrderReplica | None, after: Payment | OrderReplica
) -> str | None:
    """Return the members of its fields; None if it is not seen at once what has changed."""
    names, read = RECORDED[type(after)]
    new = read(after)
    old = (None,) * len(names) if before is None else read(before)
    changed = tuple(map(is_not, old, new))
    # What is equal, although it is another object, has not changed.
    if before is not None and any(map(eq, compress(old, changed), compress(new, changed))):
        return None
    template = _template(names, changed, before is None)
    fields = old + new
    values = [fields[position] for position in template.positions]
    text = template.text % tuple([_TEXTS[type(value)](value) for value in values])
    return text.replace(_PATH, canonical_text(path)[1:-1])


@lru_cache(maxsize=_MAX_TEMPLATES)
def _template(names: Sequence[str], changed: Sequence[bool], is_new: bool) -> _Template:
    members, positions = [], list[int]()
    for name, position in sorted(compress(zip(names, range(len(names)), strict=True), changed)):
        members.append(f'"{_PATH}.{name}":[{"null" if is_new else "%s"},%s]')
        positions += [position + len(names)] if is_new else [position, position + len(names)]
    return _Template(",".join(members), positions)


def _amount(money: Money) -> str:
    return f'{{"currency":{canonical_text(money.currency.code)},"minor_units":{money.minor_units}}}'


def _moment(at: datetime) -> str:
    return f'"{moment(at)}"'


def _name(value: Enum) -> str:
    return canonical_text(value.value)


_TEXTS: Final[Mapping[type, Callable[[Any], str]]] = {
    type(None): {None: "null"}.__getitem__,
    bool: {True: "true", False: "false"}.__getitem__,
    int: str,
    str: canonical_text,
    Money: _amount,
    datetime: _moment,
    **dict.fromkeys((CaptureMode, OrderStatus, PaymentStatus), _name),
}
