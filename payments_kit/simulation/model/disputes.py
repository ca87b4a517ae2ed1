"""Promises about disputes: as the gateway reports them (2), and each of their states told (3)."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from payments_kit.simulation.model.charges import CAPTURED
from payments_kit.simulation.model.events import first_deliveries
from payments_kit.simulation.model.records import Event, History
from payments_kit.simulation.model.reports import GatewayDispute
from payments_kit.simulation.model.words import in_words

RANK: Final = {"open": 0, "prevented": 1, "lost": 2, "won": 3}
"""Which state may follow which: a bank may still decide for the shop what it has lost."""

_KEPT_FOR: Final = timedelta(days=3)
"""How long a report is kept whose charge is not captured yet; later, only a comparison finds it."""

_TAKEN_BACK: Final = "reversed"
"""The reason of a dispute that nobody opened: the gateway only reports that the money is gone."""


def disputes_match(history: History) -> Iterable[str]:
    """Check that each dispute of a captured charge is in the books with its last state (2)."""
    if history.disputes is None:
        return
    booked = {each.id: each for order in history.orders for each in order.disputes}
    theirs = {each.id: each for each in history.disputes}
    for dispute in history.disputes:
        payment = history.by_charge.get(dispute.charge_id)
        if payment is None or payment.status not in CAPTURED:
            continue
        ours = booked.get(dispute.id)
        if ours is None and _may_be_unknown(dispute, history):
            continue
        if ours is None or (ours.status, ours.payment_id) != (dispute.status, payment.id):
            said = in_words(ours)
            yield f"2: dispute {dispute.id} of {payment.id} is {dispute.status}, and ours is {said}"
    for each in booked.values():
        if each.id not in theirs:
            yield f"2: the gateway has no dispute {each.id}"


def _may_be_unknown(dispute: GatewayDispute, history: History) -> bool:
    """Whether the books may lack it: money that was taken back is told by a dispute about it."""
    if dispute.reason != _TAKEN_BACK:
        return False
    others = [each for each in history.disputes or () if each.id != dispute.id]
    is_told = any(each.charge_id == dispute.charge_id for each in others)
    return is_told or not dispute.is_told or history.has_lost_transactions


def disputes_are_told_as_they_are(history: History) -> Iterable[str]:
    """Check that what was published of a dispute is what the gateway has reported (3)."""
    if history.disputes is None:
        return
    theirs = {each.id: each for each in history.disputes}
    told = dict[str, int]()
    for each in first_deliveries(history):
        if each.subject != "payment:disputed":
            continue
        name, status = str(each.body.get("disputeId")), str(each.body.get("status"))
        dispute = theirs.get(name)
        if dispute is None or status not in dispute.states:
            yield f"3: {each.id} was published, and the dispute was never {status}"
            continue
        rank = RANK[status]
        is_in_order = each.id in history.rejected or rank > told.get(name, -1)
        if not is_in_order and not history.has_lost_transactions:
            yield f"3: dispute {name} was published as {status} after a later state"
        told[name] = max(rank, told.get(name, rank))
        yield from _body_is_right(each, dispute, history)


def _body_is_right(event: Event, dispute: GatewayDispute, history: History) -> Iterable[str]:
    right: dict[str, object] = {
        "stripeId": dispute.charge_id,
        "amount": dispute.amount.minor_units,
        "currency": dispute.amount.currency,
        "reason": dispute.reason,
    }
    is_awaited = event.body.get("status") == "open" and not history.has_lost_transactions
    is_kept = not (event.at and dispute.opened_at) or event.at < dispute.opened_at + _KEPT_FOR
    if is_awaited and dispute.is_told and is_kept:
        right["dueBy"] = dispute.due_by
    for name, value in right.items():
        found = event.body.get(name)
        if name == "dueBy" and isinstance(found, str):
            found = datetime.fromisoformat(found)
        if found != value:
            yield f"3: {name} of {event.id} is {found}, but it is {value} at the gateway"
    if event.body.get("status") != "open" and event.body.get("dueBy") is not None:
        yield f"3: {event.id} awaits evidence, although the dispute has ended"
