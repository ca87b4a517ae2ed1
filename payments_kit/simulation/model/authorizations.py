"""Promises about money that is held: wanted (4, 9), announced (3), captured as asked (10)."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from payments_kit.simulation.model.charges import CAPTURED, CLOCK_SKEW
from payments_kit.simulation.model.events import first_deliveries
from payments_kit.simulation.model.records import BookedPayment, Event, History
from payments_kit.simulation.model.reports import Hold

_RAN_OUT: Final = "authorization_expired"
"""The reason of `payment:voided` if nobody has captured or released the money in time."""

_NOTICE: Final = timedelta(hours=24)
"""How long before the end `payment:expiring` is published, at most."""

# An event that was published so long before is certainly applied, whatever failed meanwhile.
_APPLIED_AFTER: Final = timedelta(hours=1)


_LAST_MOMENT: Final = timedelta(minutes=1)
"""How long a request to release may take: a call of the gateway, and its repetition."""


def authorized_is_held(history: History) -> Iterable[str]:
    """Check that the money of each authorised payment is still held at the gateway (2)."""
    held = {charge.id for charge in history.charges if charge.state == "held"}
    for payment in history.payments.values():
        if payment.status == "authorized" and payment.charge_id not in held:
            yield f"2: payment {payment.id} is authorized, and nothing is held for it"


def holds_are_wanted(history: History) -> Iterable[str]:
    """Check that money which nobody wants is released, not kept until its time is over (9)."""
    for hold in history.holds:
        payment = _payment_of(history, hold)
        if hold.end != "expired":
            continue
        if payment is None:
            yield f"9: {hold.charge_id} was held to its end, and its payment is unknown"
        elif _is_released_at_the_end(history, hold, payment):
            continue  # the operator's request and the end of the time passed each other
        elif (payment.status, payment.code) != ("cancelled", _RAN_OUT):
            state = f"{payment.status} ({payment.code})"
            yield f"9: {hold.charge_id} was held to its end, and payment {payment.id} is {state}"


def _is_released_at_the_end(history: History, hold: Hold, payment: BookedPayment) -> bool:
    voided = [
        each.at
        for each in history.events
        if each.subject == "payment:voided" and each.body.get("id") == payment.id and each.at
    ]
    is_late = hold.until is not None and any(at > hold.until - _LAST_MOMENT for at in voided)
    return is_late and (payment.status, payment.code) == ("cancelled", "voided")


def captured_as_asked(history: History) -> Iterable[str]:
    """Check that so much is captured as an event, an operator or nobody has asked for (10)."""
    asked = set[tuple[str, int]](history.captures_asked)
    held = {hold.charge_id for hold in history.holds}
    for payment in history.payments.values():
        was_held = payment.charge_id in held  # a debit cannot be held, and is taken at once
        if not was_held or payment.status != "succeeded" or payment.captured is None:
            continue
        amount, whole = payment.captured.minor_units, payment.amount.minor_units
        shipped = {
            whole if event.shipped is None else event.shipped
            for event in history.order_events or ()
            if event.is_shipped and event.id == history.order_ids[payment.id]
        }
        wanted = shipped | {units for name, units in asked if name == payment.id}
        if history.order_events is not None and amount not in wanted:
            yield f"10: {amount} of payment {payment.id} is captured, not one of {sorted(wanted)}"


def shipped_is_captured(history: History) -> Iterable[str]:
    """Check that what was shipped in time is captured soon, or an operator was told (9)."""
    captured = {charge.id: charge.captured_at for charge in history.captured}
    asked = {payment_id for payment_id, _ in history.captures_asked}
    announced = {
        str(each.body.get("id")): each.at
        for each in first_deliveries(history)
        if each.subject == "payment:authorized"
    }
    for hold in history.holds:
        payment = _payment_of(history, hold)
        if payment is None or payment.id in history.capture_alerts:
            continue
        order_id = history.order_ids[payment.id]
        if _ships_too_much(history, order_id, payment):
            continue  # an operator is told; while the database is away, only in the log
        shipped_at = _shipped_at(history, order_id)
        if shipped_at is None:
            continue
        if hold.end == "expired" and hold.until and shipped_at + _APPLIED_AFTER < hold.until:
            yield f"9: order {order_id} was shipped, and payment {payment.id} was not captured"
        captured_at = captured.get(hold.charge_id)
        known = (shipped_at, announced.get(payment.id), history.healed_at)
        if captured_at is None or None in known or payment.id in asked:
            continue
        if captured_at > max(at for at in known if at is not None) + _APPLIED_AFTER:
            yield f"9: order {order_id} was shipped, payment {payment.id} was captured too late"


def _ships_too_much(history: History, order_id: str, payment: BookedPayment) -> bool:
    """Whether an event of the order names more than is authorized, which is never captured."""
    return any(
        event.id == order_id and (event.shipped or 0) > payment.amount.minor_units
        for event in history.order_events or ()
        if event.is_shipped
    )


def _shipped_at(history: History, order_id: str) -> datetime | None:
    """Return when an order was first published as shipped."""
    shipped = (
        event.published_at
        for event in history.order_events or ()
        if event.is_shipped and event.id == order_id
    )
    return min((at for at in shipped if at is not None), default=None)


def authorizations_are_announced(history: History) -> Iterable[str]:
    """Check that each authorisation is announced, unless it is released at once (3)."""
    first = first_deliveries(history)
    place = {(each.subject, each.body.get("id")): number for number, each in enumerate(first)}
    for payment in history.payments.values():
        at = place.get(("payment:authorized", payment.id))
        is_lost = history.has_lost_transactions
        was_held = payment.status in ("authorized", "succeeded") and payment.authorized_until
        if was_held and at is None and not is_lost and payment.code is None:
            yield f"3: payment {payment.id} was authorised, and this was never published"
        if at is not None and payment.id in history.never_wanted and not is_lost:
            yield f"3: payment {payment.id} was released at once, and published as authorised"
        if at is None or is_lost or history.rejected:
            continue
        for what in ("voided", "expiring"):
            if place.get((f"payment:{what}", payment.id), at) < at:
                yield f"3: {what} of payment {payment.id} was delivered before its authorisation"
    for each in first:
        yield from _body_is_right(each, history)


def _body_is_right(event: Event, history: History) -> Iterable[str]:
    payment = history.payments.get(str(event.body.get("id")))
    what = event.subject.removeprefix("payment:")
    if payment is None or what not in ("authorized", "voided", "expiring"):
        return
    right = dict[str, object]()
    if what != "expiring":
        right |= {"amount": payment.amount.minor_units, "currency": payment.amount.currency}
    if what == "authorized":
        right |= {"stripeId": payment.charge_id, "chargeId": payment.charge_id}
    if what == "voided" and payment.status == "cancelled":
        right["reason"] = payment.release_reason or payment.code
    if what != "voided":
        right["expiresAt"] = payment.authorized_until
    for name, value in right.items():
        found = event.body.get(name)
        if name == "expiresAt" and isinstance(found, str):
            found = datetime.fromisoformat(found)
        if found != value and not history.has_lost_transactions:
            yield f"3: {event.subject} of {payment.id} has {name} {found}, but it is {value}"


def expiries_are_announced(history: History) -> Iterable[str]:
    """Check that an authorisation that runs out was announced, within a day before its end (3)."""
    announced = set[str]()
    for each in first_deliveries(history):
        payment = history.payments.get(str(each.body.get("id")))
        if each.subject != "payment:expiring" or payment is None:
            continue
        announced.add(payment.id)
        until = payment.authorized_until
        if until is None or each.at is None or history.has_lost_transactions:
            continue
        if not until - _NOTICE - CLOCK_SKEW <= each.at <= until + CLOCK_SKEW:
            yield f"3: payment {payment.id} ends at {until}, and this was published at {each.at}"
    for payment in history.payments.values():
        ran_out = (payment.status, payment.code) == ("cancelled", _RAN_OUT)
        if ran_out and payment.id not in announced and not history.has_lost_transactions:
            yield f"3: payment {payment.id} has run out, and was never published as expiring"


def voided_is_not_captured(history: History) -> Iterable[str]:
    """Check that nothing is captured of what was published as voided (6)."""
    for each in first_deliveries(history):
        payment = history.payments.get(str(each.body.get("id")))
        if each.subject != "payment:voided" or payment is None or history.has_lost_transactions:
            continue
        if payment.status in CAPTURED or payment.status == "authorized":
            yield f"6: payment {payment.id} was published as voided, and is {payment.status}"


def _payment_of(history: History, hold: Hold) -> BookedPayment | None:
    return history.by_charge.get(hold.charge_id) or history.payments.get(hold.payment_id)
