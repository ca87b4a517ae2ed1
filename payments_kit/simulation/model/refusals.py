"""Promises about refused and repeated requests: they have a reason (6), and tell no others (8)."""

from collections.abc import Iterable, Sequence
from typing import Final

from payments_kit.simulation.model.charges import CAPTURED, CLOCK_SKEW, PAID
from payments_kit.simulation.model.records import History, OrderEvent
from payments_kit.simulation.model.reports import Reply

_NOT_YOURS: Final = 401
_DECLINED: Final = 402
_SERVER_ERRORS: Final = 500

_ABOUT_THE_ORDER: Final = (
    *("order_cancelled", "order_expired", "nothing_due", "amount_mismatch"),
    *("already_paid", "payment_in_progress"),
)
"""What only a user may learn who owns the order, or has owned it."""

_NOT_NOW: Final = "payment_in_progress"
"""The reply to a repeated request if what its customer has to do cannot be fetched now."""

_EXECUTED: Final = "request_in_progress"
"""The reply to a request that arrives while the first one with its key is executed."""

_PAID: Final = "already_paid"
"""The reply to a repeated request if the first one, that it is paid, could not be stored; it names
the same payment."""


def strangers_learn_nothing(history: History) -> Iterable[str]:
    """Check that who never owned an order is told nothing of it, not even that it is paid (8)."""
    for reply, events in _replies_about_orders(history):
        owners = {each.user_id for each in events}
        if reply.code in _ABOUT_THE_ORDER and reply.user_id not in owners:
            yield f"8: {reply.user_id} was told {reply.code} of another user's {reply.order_id}"


def refusals_have_a_reason(history: History) -> Iterable[str]:
    """Check that an order that may be paid is not refused: each refusal says what is so (6)."""
    for reply, events in _replies_about_orders(history):
        if not _has_a_reason(history, reply, events):
            what = reply.code or reply.status
            yield f"6: the reply about order {reply.order_id} was {what}, which was never so"


def _replies_about_orders(history: History) -> Iterable[tuple[Reply, Sequence[OrderEvent]]]:
    if history.order_events is None:
        return
    events = dict[str, list[OrderEvent]]()
    for event in history.order_events:
        events.setdefault(event.id, []).append(event)
    for reply in history.replies:
        if reply.request == "pay" and reply.order_id is not None:
            yield reply, events.get(reply.order_id, ())


def _has_a_reason(history: History, reply: Reply, events: Sequence[OrderEvent]) -> bool:
    terms = [each for each in events if each.price is not None]
    if reply.status == _NOT_YOURS:
        return any(each.user_id != reply.user_id for each in terms)
    match reply.code:
        case "order_cancelled":
            return any(each.is_cancelled for each in events)
        case "order_expired":
            latest = None if reply.at is None else reply.at + CLOCK_SKEW
            ends = [each.expires_at for each in terms if each.expires_at is not None]
            return any(latest is None or end <= latest for end in ends)
        case "nothing_due":
            return any(each.price is not None and not each.price.minor_units for each in terms)
        case "already_paid":
            return history.has_lost_transactions or any(
                payment.status in CAPTURED and history.order_ids[payment.id] == reply.order_id
                for payment in history.payments.values()
            )
        case "payment_in_progress":
            return history.has_lost_transactions or _was_live(history, reply)
        case _:
            return True


def _was_live(history: History, reply: Reply) -> bool:
    """Whether the order had a live payment at any moment of the request.

    If the request is a repeated one, it may have had one before: while the gateway or the database
    cannot be asked, the reply is that the payment of the first request is in progress.
    """
    asked_at, at = reply.asked_at, reply.at
    if history.live is None or asked_at is None or at is None:
        return True
    return any(
        begin <= at and (reply.key is not None or all(end >= asked_at for end in ends))
        for begin, *ends in history.live.get(reply.order_id or "", ())
    )


def keys_repeat_their_reply(history: History) -> Iterable[str]:
    """Check that a final reply, 201 or 402, is repeated to the same request with its key (6)."""
    if history.has_lost_transactions:
        return
    final = dict[tuple[str | None, str], tuple[int, Reply]]()
    for place, reply in enumerate(history.replies):
        if reply.request != "pay" or reply.key is None:
            continue
        is_final = reply.status in (PAID, _DECLINED)
        if is_final:
            final.setdefault((reply.user_id, reply.key), (place, reply))
        first_place, first = final.get((reply.user_id, reply.key), (place, reply))
        if first is reply:
            continue
        if first.wanted != reply.wanted:
            if is_final:
                yield f"6: the key {reply.key} of {reply.user_id} was used for two requests"
        elif not _is_repeated(first, reply, reply.earlier is None or reply.earlier > first_place):
            told = reply.status, reply.payment_id
            yield f"6: the reply to key {reply.key} was {first.status}, and then it was {told}"


def _is_repeated(first: Reply, again: Reply, is_later: bool) -> bool:
    if again.status >= _SERVER_ERRORS or again.code == _NOT_NOW:
        return True
    if again.code == _EXECUTED and not is_later:
        return True
    is_same_status = again.status == first.status or (first.status == PAID and again.code == _PAID)
    return is_same_status and again.payment_id == first.payment_id
