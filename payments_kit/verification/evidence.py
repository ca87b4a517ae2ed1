"""What the specification is given about an order; what the file lacks is as the books say."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

from payments_kit.simulation.model.records import (
    BookedDispute,
    BookedOrder,
    Charge,
    History,
    OrderEvent,
)
from payments_kit.simulation.model.reports import Hold, Reply
from payments_kit.verification.books import CUSTOMER
from payments_kit.verification.commits import committed
from payments_kit.verification.gateway_evidence import charges_of, disputes_of, refunds_of
from payments_kit.verification.lines import Header
from payments_kit.verification.promises import ORDER_EVENTS
from payments_kit.verification.records import OrderRecords
from payments_kit.verification.steps import Steps

_ORDERS_SIDE: Final = "orders"
"""Who asks for a capture by an event, which must be in the file."""


def history_of(
    found: OrderRecords, steps: Steps, header: Header, *, has_lost_transactions: bool = False
) -> History:
    """Return what the specification is asked about."""
    charges = [*charges_of(found, steps, header)]
    knows_events = ORDER_EVENTS in header.includes and not found.unusable
    return History(
        charges=charges,
        refunds=[*refunds_of(found, steps, header, charges)],
        orders=[*_orders(steps)],
        events=found.events,
        committed=committed(found.events, steps),
        rejected=found.late,
        replies=[*_readable(steps)],
        order_events=[*_order_events(found.order_events)] if knows_events else None,
        has_lost_transactions=has_lost_transactions,
        disputes=disputes_of(found, steps, header, has_lost_transactions=has_lost_transactions),
        holds=[*_holds(steps, charges)],
        never_wanted=_never_wanted(steps),
        captures_asked=_captures_asked(steps),
        reviewed={
            payment.id
            for step in steps
            for payment in step.after.payments
            if payment.status == "review"
        },
    )


def _orders(steps: Steps) -> Iterator[BookedOrder]:
    """Yield the orders; each state that a dispute has had stands for itself: each is published."""
    for each in steps.by_order.values():
        disputes = dict[tuple[str, str], BookedDispute]()
        for step in each:
            for dispute in step.after.disputes:
                key = dispute.id, dispute.status
                disputes.pop(key, None)
                disputes[key] = dispute
        yield each[-1].after._replace(disputes=tuple(disputes.values()))


def _readable(steps: Steps) -> Iterator[Reply]:
    """Yield what a reader could have been told after each entry, as far as it must be published."""
    pending = {
        payment.id
        for step in steps
        for payment in step.after.payments
        if payment.status == "pending"
    }
    for payment_id in sorted(pending):
        yield Reply(200, payment_id, request="read", body={"status": "pending"})


def _order_events(events: Iterable[OrderEvent]) -> Iterator[OrderEvent]:
    """Yield the events with the latest expiry of their order.

    An order may get an earlier expiry when it is already paid, which changes nothing any more. When
    an event was in the books is left out: a second charge may be recorded much later as a payment,
    and each claim is compared with the price of its moment, step by step.
    """
    known, expiries = [*events], defaultdict[str, list[datetime | None]](list)
    for event in known:
        if event.price is not None:
            expiries[event.id].append(event.expires_at)
    for event in known:
        if event.price is None:
            yield event
            continue
        said = [each for each in expiries[event.id] if each is not None]
        complete = len(said) == len(expiries[event.id])
        yield event._replace(user_id=CUSTOMER, expires_at=max(said) if complete else None)


def _holds(steps: Steps, charges: Sequence[Charge]) -> Iterator[Hold]:
    """Yield what was captured of what was held: whether it may be so much is known."""
    captured = {charge.id for charge in charges if charge.state == "captured"}
    for payment in steps.payments:
        if payment.is_manual and payment.charge_id in captured and payment.authorized_until:
            yield Hold(payment.charge_id or "", payment.id, "captured", payment.authorized_until)


def _never_wanted(steps: Steps) -> set[str]:
    known, released = set[str](), set[str]()
    for step in steps:
        for payment in step.after.payments:
            if payment.status != "authorized" or payment.id in known:
                continue
            known.add(payment.id)
            if payment.code is not None:
                released.add(payment.id)
    return released


def _captures_asked(steps: Steps) -> set[tuple[str, int]]:
    """Return the captures that the orders service has not asked for, by the histories."""
    asked = set[tuple[str, int]]()
    for step in steps:
        if step.entry.who == _ORDERS_SIDE:
            continue
        before = {payment.id: payment for payment in step.before.payments} if step.before else {}
        for payment in step.after.payments:
            was = before.get(payment.id)
            wanted = payment.requested
            if wanted is not None and (was is None or was.requested != wanted):
                asked.add((payment.id, wanted.minor_units))
            if was and was.status == "review" and payment.captured:  # an operator has accepted it
                asked.add((payment.id, payment.captured.minor_units))
            is_new = payment.captured is not None and (was is None or was.captured is None)
            if is_new and payment.captured and (was is None or was.requested is None):
                asked.add((payment.id, payment.captured.minor_units))
    return asked
