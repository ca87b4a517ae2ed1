"""Promises about charges: once (1), as in the books (2), none that an order may not have (4)."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from payments_kit.simulation.model.amounts import Amount
from payments_kit.simulation.model.orders import expected_orders
from payments_kit.simulation.model.records import BookedPayment, Charge, History, OrderEvent
from payments_kit.simulation.model.reports import Reply

LIVE: Final = frozenset({"processing", "requires_action", "pending", "authorized", "succeeded"})
"""The statuses of which an order has one at most. A payment in review may stand beside one: it may
be a late capture of another amount, after the order was paid by the next one."""

CAPTURED: Final = frozenset({"succeeded", "reversed", "review"})
"""The statuses of a payment whose money was taken."""

_MISMATCHES: Final = ("amount_mismatch", "currency_mismatch", "livemode_mismatch")
"""The codes of a payment that another amount was taken for, in another currency or mode."""

PAID: Final = 201
"""The status of the reply that a payment has succeeded."""

# Twice the largest difference between a simulated process's clock and the gateway's.
CLOCK_SKEW: Final = timedelta(seconds=3)


def charged_at_most_once(history: History) -> Iterable[str]:
    """Check that one charge of an order stands at most, whatever the books say about it."""
    standing = dict[str, list[str]]()
    for charge in history.captured:
        if history.kept(charge) > 0 and not _was_to_be_given_back(history, charge):
            standing.setdefault(history.order_of(charge), []).append(charge.id)
    for order_id, charges in standing.items():
        if len(charges) > 1:
            yield f"1: order {order_id} is charged {len(charges)} times: {charges}"
    for order in history.orders:
        live = [payment.id for payment in order.payments if payment.status in LIVE]
        if len(live) > 1:
            yield f"1: order {order.id} has {len(live)} live payments: {live}"


def _was_to_be_given_back(history: History, charge: Charge) -> bool:
    """Whether an operator gave back what was in review, and the bank returned that later.

    The order may have been paid again before, and an operator is told.
    """
    payment = history.payment_of(charge)
    if payment is None or payment.status != "review":
        return False
    return any(
        refund.payment_id == payment.id and refund.status == "failed"
        for order in history.orders
        for refund in order.refunds
    )


def was_authorized(reply: Reply) -> bool:
    """Whether a reply says that the money is held, and not taken yet."""
    return reply.body is not None and reply.body.get("status") == "authorized"


def paid_orders_are_not_claimed_again(history: History) -> Iterable[str]:
    """Check that no order is claimed again after its charge was confirmed, even if it was lost.

    Both can be charged if the database loses a payment whose charge is in flight, or if the gateway
    of the lost payment cannot be asked, and another one charges.
    """
    confirmed = {
        each.payment_id
        for each in history.replies
        if each.status == PAID and each.request == "pay" and not was_authorized(each)
    }
    for first in history.captured:
        if first.payment_id not in confirmed or first.captured_at is None:
            continue
        for other in history.captured:
            if other.order_id != first.order_id or other.claimed_at is None:
                continue
            is_later = other.claimed_at > first.captured_at + CLOCK_SKEW
            if is_later and not _was_lost_elsewhere(history, first, other):
                yield f"1: order {first.order_id} was paid by {first.id}, then by {other.id}"


def _was_lost_elsewhere(history: History, first: Charge, other: Charge) -> bool:
    """Whether the process that claimed the other charge could not ask the gateway of the first.

    Another process may have asked in vain for its own reasons: a claim must ask itself.
    """
    if not history.has_lost_transactions:
        return False
    lost, later = history.payment_of(first), history.payment_of(other)
    if lost is None or later is None or lost.gateway == later.gateway:
        return False
    begin, end = first.captured_at, other.claimed_at
    asked = history.not_listed.get(later.id, {}).get(lost.gateway or "", ())
    return any(begin and end and begin <= at <= end + CLOCK_SKEW for at in asked)


def payments_match_charges(history: History) -> Iterable[str]:
    """Check that each charge is in the books as it is at the gateway, and the reverse."""
    for charge in history.captured:
        yield from _payment_matches(charge, history)
    charged = {charge.id for charge in history.captured}
    recorded = set[str]()
    for payment in history.payments.values():
        if payment.status in CAPTURED and payment.charge_id not in charged:
            yield f"2: payment {payment.id} is {payment.status} without a charge"
        if payment.charge_id in recorded:
            yield f"2: charge {payment.charge_id} is recorded twice"
        if payment.charge_id is not None:
            recorded.add(payment.charge_id)
    for charge in history.charges:
        if charge.state != "captured":
            yield from _open_charge_is_open(charge, history)


def _payment_matches(charge: Charge, history: History) -> Iterable[str]:
    payment = history.payment_of(charge)
    if payment is None or payment.status not in CAPTURED:
        status = payment.status if payment else "unknown"
        yield f"2: charge {charge.id} exists, but payment {charge.payment_id} is {status}"
        return
    if payment.charge_id != charge.id or payment.captured != charge.amount:
        yield (
            f"2: payment {payment.id} captured {payment.captured} with {payment.charge_id}, "
            f"charge {charge.id} {charge.amount}"
        )
    elif not (_is_told_to_differ(payment, history) or _may_capture(payment, charge.amount)):
        yield f"2: payment {payment.id} is {payment.amount}, charge {charge.id} {charge.amount}"
    elif payment.status == "reversed" and history.kept(charge) > 0:
        yield f"2: reversed charge {charge.id} is kept"
    if charge.order_id and history.order_ids[payment.id] != charge.order_id:
        yield f"2: payment {payment.id} of charge {charge.id} is recorded on another order"


def _is_told_to_differ(payment: BookedPayment, history: History) -> bool:
    """Whether an operator decides, or has decided, about what was taken, or it goes back."""
    is_reversed = payment.status == "reversed" and payment.code in _MISMATCHES
    return is_reversed or payment.status == "review" or payment.id in history.reviewed


def _may_capture(payment: BookedPayment, amount: Amount) -> bool:
    """Whether so much is right: a part of what was authorised may be."""
    if payment.is_manual and amount.currency == payment.amount.currency:
        return 0 < amount.minor_units <= payment.amount.minor_units
    return amount == payment.amount


def _open_charge_is_open(charge: Charge, history: History) -> Iterable[str]:
    payment = history.payments.get(charge.payment_id)
    right = {"held": "authorized", "pending": "pending"}[charge.state]
    if payment is None or payment.status != right:
        status = payment.status if payment else "unknown"
        what = f"payment {charge.payment_id} is {status}"
        yield f"2: charge {charge.id} is {charge.state}, but {what}"


def orders_keep_only_what_they_may(history: History) -> Iterable[str]:
    """Check that nothing is taken or held for an order that is cancelled, or was expired then."""
    expected = expected_orders(history.order_events or ())
    cancelled = {order.id for order in history.orders if order.status == "cancelled"}
    cancelled |= {order_id for order_id, each in expected.items() if each.is_cancelled}
    expiries = {
        order_id: max(event.expires_at for event in each.newest if event.expires_at)
        for order_id, each in expected.items()
        if each.newest and all(event.expires_at for event in each.newest)
    }
    for charge in history.charges:
        order_id = history.order_of(charge)
        stands = charge.state != "captured" or history.kept(charge) > 0
        if order_id in cancelled and stands:
            what = "kept" if charge.state == "captured" else charge.state
            yield f"4: order {order_id} is cancelled and charge {charge.id} is {what}"
        if (expiry := expiries.get(order_id)) is None:
            continue
        taken_at = charge.authorized_at or charge.captured_at
        if history.has_lost_transactions:  # of a payment that was lost, only the claim is known
            taken_at = charge.claimed_at or taken_at
        payment = history.payment_of(charge)
        # An operator decides about another amount than was requested, and may accept it.
        is_decided = payment is not None and (
            payment.status == "review" or payment.id in history.reviewed
        )
        stands = stands and not is_decided
        if stands and taken_at and taken_at > expiry + CLOCK_SKEW:
            yield f"4: order {order_id} was expired when {charge.id} was captured, and it is kept"
        if charge.claimed_at and charge.claimed_at > expiry + CLOCK_SKEW:
            yield f"4: order {order_id} was expired when {charge.id} was requested"


def amounts_are_exact(history: History) -> Iterable[str]:
    """Check that each payment is exactly the price that its order had when it was claimed."""
    priced = dict[str, list[OrderEvent]]()
    for event in history.order_events or ():
        if event.price is not None:
            priced.setdefault(event.id, []).append(event)
    for payment in history.payments.values():
        events = priced.get(history.order_ids[payment.id])
        if events is None:
            continue
        prices = {each.price for each in events if not _was_replaced(each, events, payment)}
        if payment.amount not in prices:
            known = ", ".join(sorted(map(str, prices)))
            yield f"7: payment {payment.id} is {payment.amount}, the order's price is {known}"


def _was_replaced(event: OrderEvent, others: list[OrderEvent], payment: BookedPayment) -> bool:
    """Whether a newer event was certainly in the books when a payment was claimed."""
    claimed_at = payment.claimed_at
    return claimed_at is not None and any(
        other.version > event.version
        and other.stored_at is not None
        and other.stored_at + CLOCK_SKEW < claimed_at
        for other in others
    )


def users_are_separated(history: History) -> Iterable[str]:
    """Check that nobody pays for the order of another user."""
    owners = dict[str, set[str]]()
    for event in history.order_events or ():
        if event.user_id is not None:
            owners.setdefault(event.id, set()).add(event.user_id)
    for payment in history.payments.values():
        order_id = history.order_ids[payment.id]
        if payment.user_id not in owners.get(order_id, (payment.user_id,)):
            yield f"8: {payment.user_id} pays for another user's order {order_id}"
