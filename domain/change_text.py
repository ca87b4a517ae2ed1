"""What a change of an order is in its history: canonical JSON, and words for a reader.

Three changes happen to nearly every order: it is new, its only payment begins, and the money is
captured. Their text is written out here, which takes a third of the time; that of all others is
made by the general encoder. Both are the same text, which a test compares.
"""

from operator import attrgetter
from typing import Final, NamedTuple

from domain.canonical_json import canonical_json, canonical_text
from domain.change_words import words_of
from domain.money import Money
from domain.order import Order
from domain.order_changes import OWNER, RECORDED, SET, STATE_BEGINS, changes_of, moment
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from domain.replica import OrderReplica, OrderStatus


class ChangeText(NamedTuple):
    """A change of an order as its history has it."""

    change: str
    """Canonical JSON: an object with `[before, after]` of each path."""
    words: str


def text_of(before: Order | None, after: Order) -> ChangeText | None:
    """Return what has changed; None if nothing has. If `before` is None, the order is new."""
    written = new_text_of(after) if before is None else charge_text_of(before, after)
    return written or general_text_of(before, after)


def general_text_of(before: Order | None, after: Order) -> ChangeText | None:
    """Return the same as `text_of`, by the general encoder."""
    changes = changes_of(before, after)
    return ChangeText(canonical_json(changes), words_of(changes)) if changes else None


def new_text_of(order: Order) -> ChangeText | None:
    """Return what is new of an order that has nothing but its terms yet; else None."""
    replica, terms = order.replica, order.replica.terms
    # Refunds and disputes are about a payment.
    if terms is None or replica.shipment is not None or order.payments:
        return None
    status, capture, expires_at = replica.status._value_, "", ""
    if terms.capture is not None:
        capture = f',"order.terms.capture":[null,"{terms.capture._value_}"]'
    if terms.expires_at is not None:
        expires_at = f',"order.terms.expires_at":[null,"{moment(terms.expires_at)}"]'
    change = (
        f'{{"{STATE_BEGINS}":[null,{canonical_text(replica.id)}]'
        f',"order.status":[null,"{status}"]{capture}{expires_at}'
        f',"order.terms.price":[null,{_amount(terms.price)}]'
        f',"{OWNER}":[null,"{SET}"]'
        f',"order.terms.version":[null,{terms.version}]'
        f',"order.version":[null,{replica.version}]}}'
    )
    return ChangeText(change, f"order {status}")


def charge_text_of(before: Order, after: Order) -> ChangeText | None:
    """Return what has changed if the only payment has begun, or was captured; else None."""
    if before.refunds is not after.refunds or before.disputes is not after.disputes:
        return None
    if len(after.payments) != 1:
        return None
    [payment] = after.payments
    if before.payments:
        return _captured(before.payments[0], payment, before.replica, after.replica)
    return _begun(payment) if before.replica is after.replica else None


def _begun(payment: Payment) -> ChangeText | None:
    if _others_of_begun(payment) != _BEGUN:
        return None
    path = f'"payment.{canonical_text(payment.id)[1:-1]}'
    change = (
        f'{{{path}.amount":[null,{_amount(payment.amount)}]'
        f',{path}.capture_mode":[null,"{payment.capture_mode._value_}"]'
        f',{path}.created_at":[null,"{moment(payment.created_at)}"]'
        f',{path}.gateway":[null,{canonical_text(payment.gateway)}]'
        f',{path}.livemode":[null,{"true" if payment.livemode else "false"}]'
        f',{path}.status":[null,"processing"]}}'
    )
    return ChangeText(change, "payment processing")


def _captured(
    before: Payment, after: Payment, open_order: OrderReplica, paid_order: OrderReplica
) -> ChangeText | None:
    """Return the text of a payment that has succeeded, which makes its order complete."""
    charge, money, reference = after.charge_id, after.captured_amount, after.reference
    if charge is None or money is None or _charge_of(before) != _NOT_CHARGED:
        return None
    if after.status is not PaymentStatus.SUCCEEDED or before.id != after.id:
        return None
    if _others_of_captured(before) != _others_of_captured(after):
        return None
    if open_order.status is not OrderStatus.CREATED or not _is_completed(open_order, paid_order):
        return None
    path = f'"payment.{canonical_text(after.id)[1:-1]}'
    referred = ""
    if reference != before.reference:
        referred = f',{path}.reference":[{_text(before.reference)},{_text(reference)}]'
    change = (
        f'{{"order.status":["created","complete"]'
        f',{path}.captured_amount":[null,{_amount(money)}]'
        f',{path}.charge_id":[null,{canonical_text(charge)}]{referred}'
        f',{path}.status":["{before.status._value_}","succeeded"]}}'
    )
    return ChangeText(change, "payment succeeded, order complete")


def _is_completed(before: OrderReplica, after: OrderReplica) -> bool:
    """Whether only the status has changed, and is complete now."""
    return (
        after.status is OrderStatus.COMPLETE
        and before.terms is after.terms
        and before.shipment is after.shipment
        and before.version == after.version
    )


def _amount(money: Money) -> str:
    # The code of a currency needs no escaping: it is one of ISO 4217's.
    return f'{{"currency":"{money.currency.code}","minor_units":{money.minor_units}}}'


def _text(value: str | None) -> str:
    return "null" if value is None else canonical_text(value)


_NAMES: Final = RECORDED[Payment][0]

# What a payment that begins has, and what it has not.
_OTHERS_OF_BEGUN: Final = [
    name
    for name in _NAMES
    if name not in ("amount", "capture_mode", "created_at", "gateway", "livemode")
]
_others_of_begun: Final = attrgetter(*_OTHERS_OF_BEGUN)
_BEGUN: Final = tuple(
    PaymentStatus.PROCESSING if name == "status" else None for name in _OTHERS_OF_BEGUN
)

# What a capture changes, and what it does not.
_charge_of: Final = attrgetter("charge_id", "captured_amount")
_NOT_CHARGED: Final = (None, None)
_others_of_captured: Final = attrgetter(
    *(
        name
        for name in _NAMES
        if name not in ("status", "charge_id", "captured_amount", "reference")
    )
)
