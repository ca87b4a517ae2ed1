"""Promises about replies: an answer stays true (6), and names nothing of others (8)."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from payments_kit.simulation.model.charges import CAPTURED, PAID, was_authorized
from payments_kit.simulation.model.records import BookedPayment, History
from payments_kit.simulation.model.reports import Reply
from payments_kit.simulation.model.words import in_words

_CANCELLED: Final = 200
_READ: Final = 200
_UNKNOWN: Final = 404
_DECIDED: Final = 200
_ACCEPTED: Final = 202
_REFUSED: Final = 400
_DECLINED: Final = 402
_NAMES_A_PAYMENT: Final = (PAID, _ACCEPTED, _DECLINED, 409)

_STARTED_NOTHING: Final = (_REFUSED, 401, 404, 409, 415, 422, 429)
"""The replies to requests that were refused before anything began: nothing of them is left."""

_CHARGED_NOTHING: Final = (*_STARTED_NOTHING, _DECLINED, 502, 503)
"""The replies after which the request can never have charged anything."""

_NAMES_WHAT_IT_STARTED: Final = (_REFUSED, _DECLINED, 409)
"""The replies that may name a payment of their own: 400 if the order was cancelled meanwhile, and
then it is given back; 409 if the same request was repeated."""

_EXPIRED: Final = "order_expired"
"""The code of a payment that is given back because its order had expired when it was settled."""

NOT_SENT: Final = "not_sent"
"""The code of a payment that was given up before anything was sent; it is not published."""


def stays_paid(history: History, payment: BookedPayment | None) -> bool:
    """Whether a payment that was confirmed is still paid, or was given back after its loss."""
    if payment is None:
        return False
    if history.has_lost_transactions and payment.status == "reversed":
        return True
    if history.has_lost_transactions and payment.status == "review" and payment.is_manual:
        return True  # a part was captured, and the loss has restored a request for another part
    if history.has_lost_transactions and payment.status == "review":
        return payment.id in history.reviewed  # an operator had accepted it, and that was lost
    return payment.status == "succeeded"


def _stays_authorized(history: History, payment: BookedPayment | None) -> bool:
    """Whether a payment that was confirmed as authorised is so, or has ended as one may."""
    if payment is None:
        return history.has_lost_transactions  # it was released before its loss, or is reported
    if payment.status in ("authorized", "succeeded", "reversed", "review"):
        return True
    return payment.status == "cancelled" or history.has_lost_transactions


def replies_stay_true(history: History) -> Iterable[str]:
    """Check that each reply is still true, and that no refused request has left anything."""
    charged = {charge.payment_id for charge in history.captured}
    charged |= {each.id for each in history.payments.values() if each.status in CAPTURED}
    for reply in history.replies:
        yield from _reply_stays_true(history, reply, charged)
        if reply.request == "pay":
            yield from _nothing_is_left(history, reply, charged)


def _decision_stays_true(
    history: History, reply: Reply, payment: BookedPayment | None
) -> Iterable[str]:
    """Check that what an operator has decided is so, unless the database has lost it."""
    if reply.status != _DECIDED or reply.body is None or history.has_lost_transactions:
        return
    if payment is None or payment.status != reply.body.get("status"):
        yield f"6: an operator decided about {reply.payment_id}, but it is {in_words(payment)}"


def _reply_stays_true(history: History, reply: Reply, charged: set[str]) -> Iterable[str]:
    payment = history.payments.get(reply.payment_id or "")
    status, name = reply.status, reply.payment_id
    if reply.request == "cancel":
        if status == _CANCELLED and name in charged:
            yield f"6: the reply was that {name} is cancelled, but it is charged"
        return
    if reply.request in ("capture", "void"):
        yield from _operators_reply_stays_true(history, reply, payment)
    if reply.request == "review":
        yield from _decision_stays_true(history, reply, payment)
    if reply.request == "read":
        yield from _read_stays_true(history, reply, payment, charged)
    if reply.request != "pay":
        return
    if status == PAID and was_authorized(reply):
        if not _stays_authorized(history, payment):
            yield f"6: the reply was that {name} is authorised, but it is {in_words(payment)}"
        return
    if status == PAID and not stays_paid(history, payment):
        yield f"6: the reply was that {name} is paid, but it is {in_words(payment)}"
    elif status == PAID and payment and reply.body is not None:
        yield from _body_is_true(history, payment, reply.body)
    if status == _ACCEPTED and payment is None and not history.has_lost_transactions:
        yield f"6: the reply was that {name} was accepted, but it is unknown"
    # An operator may have accepted what the customer was told to be refused, and what was reviewed.
    is_kept = payment is not None and payment.status == "succeeded"
    # A loss makes unknown that more was held than was captured; that the order was cancelled when
    # it was paid: its money goes back once the cancellation is read again; and that it had expired
    # when the payment was settled: only the claim is known then, and that was in time.
    may_be_kept = name in history.reviewed or (
        history.has_lost_transactions
        and payment is not None
        and (payment.is_manual or history.is_given_back(payment) or _is_for_expiry(reply))
    )
    if status == _REFUSED and is_kept and not may_be_kept:
        yield f"6: the reply was that {name} is refused, but it is kept"
    if status == _DECLINED and name in charged:
        yield f"6: the reply was that {name} is declined, but it is charged"


def _is_for_expiry(reply: Reply) -> bool:
    return reply.body is not None and reply.body.get("code") == _EXPIRED


def _read_stays_true(
    history: History, reply: Reply, payment: BookedPayment | None, charged: set[str]
) -> Iterable[str]:
    """Check what a user has read: of a payment that was named to them, and only what is so."""
    name, body = reply.payment_id, reply.body or {}
    is_theirs = payment is not None and payment.user_id == reply.user_id
    if reply.status == _UNKNOWN and is_theirs and not history.has_lost_transactions:
        yield f"6: {name} was named to {reply.user_id}, who then read that there is none"
    if reply.status != _READ or payment is None:
        return
    said = body.get("status")
    if said == "succeeded" and not stays_paid(history, payment):
        yield f"6: {reply.user_id} read that {name} is paid, but it is {in_words(payment)}"
    if said == "authorized" and not _stays_authorized(history, payment):
        yield f"6: {reply.user_id} read that {name} is authorised, but it is {in_words(payment)}"
    if said in ("failed", "cancelled") and name in charged and not history.has_lost_transactions:
        yield f"6: {reply.user_id} read that {name} is {said}, but it is charged"
    named = {field: body[field] for field in ("orderId", "amount", "currency") if field in body}
    yield from _body_is_true(history, payment, named)


def _operators_reply_stays_true(
    history: History, reply: Reply, payment: BookedPayment | None
) -> Iterable[str]:
    said, name = (reply.body or {}).get("status"), reply.payment_id
    if history.has_lost_transactions or said not in ("succeeded", "cancelled"):
        return
    if payment is None or payment.status != said:
        yield f"6: the operator was told that {name} is {said}, but it is {in_words(payment)}"


def _body_is_true(
    history: History, payment: BookedPayment, body: Mapping[str, Any]
) -> Iterable[str]:
    true: dict[str, object] = {
        "orderId": history.order_ids[payment.id],
        "amount": payment.amount.minor_units,
        "currency": payment.amount.currency,
    }
    if not history.has_lost_transactions:  # the other one of two charges may be restored
        true |= {"chargeId": payment.charge_id, "stripeId": payment.charge_id}
    for name, value in true.items():
        if name in body and body[name] != value:
            yield f"6: the reply was that {name} of {payment.id} is {body[name]}, but it is {value}"


def _nothing_is_left(history: History, reply: Reply, charged: set[str]) -> Iterable[str]:
    if reply.status not in _CHARGED_NOTHING:
        return
    for name in reply.started:
        payment = history.payments.get(name)
        if name == reply.payment_id and reply.status in _NAMES_WHAT_IT_STARTED:
            continue
        if name in charged:
            yield f"6: the reply was {reply.status}, but it has charged {name}"
        elif payment is None:
            continue
        elif reply.status in _STARTED_NOTHING and not _was_never_sent(history, payment):
            yield f"6: the reply was {reply.status}, but it has started {name}"


def _was_never_sent(history: History, payment: BookedPayment) -> bool:
    """Whether nothing was sent for a payment; a loss may leave that the gateway has no record."""
    is_unknown = history.has_lost_transactions and payment.status == "abandoned"
    return payment.code == NOT_SENT or is_unknown


def replies_name_nothing_of_others(history: History) -> Iterable[str]:
    """Check that no reply names the payment of another user."""
    for reply in history.replies:
        named = history.payments.get(reply.payment_id or "")
        if named is not None and reply.user_id not in (None, named.user_id):
            yield f"8: the reply to {reply.user_id} names another user's payment {named.id}"
        if named is None or reply.order_id is None or reply.status not in _NAMES_A_PAYMENT:
            continue
        if history.order_ids[named.id] != reply.order_id:
            yield f"6: the reply about order {reply.order_id} names a payment of another order"
