"""What the specification is given about the gateways of an order."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from payments_kit.simulation.model.amounts import Amount
from payments_kit.simulation.model.charges import CAPTURED
from payments_kit.simulation.model.records import BookedDispute, BookedPayment, Charge
from payments_kit.simulation.model.reports import GatewayDispute, GivenBack
from payments_kit.verification.books import Step
from payments_kit.verification.lines import ChargeLine, Header
from payments_kit.verification.records import OrderRecords
from payments_kit.verification.steps import Steps

CLOCK_DIFFERENCE: Final = timedelta(minutes=1)
"""How far a gateway's clock may be from the database's: hosts that are synchronised differ by
milliseconds, and a host whose synchronisation has stopped loses seconds a week."""

_STATES: Final = frozenset({"captured", "held", "pending"})
"""What the specification knows of charges; another one is money that did not come."""

_STATES_OF_DISPUTES: Final = ("open", "prevented", "lost", "won")

_TAKEN_BACK: Final = "reversed"
"""The reason of a dispute that no list has: the gateway only reports that the money is gone."""


def charges_of(found: OrderRecords, steps: Steps, header: Header) -> Iterator[Charge]:
    """Yield the charges; those of a gateway that lists none are as the books say."""
    claimed = {payment.id: payment.claimed_at for payment in steps.payments}
    for line in found.charges:
        if line.state in _STATES:
            yield Charge(
                line.id,
                line.payment,
                Amount(line.amount, line.currency.lower()),
                line.order or None,
                _earliest(line.captured_at),
                claimed.get(line.payment, line.claimed_at),
                line.state,
                # Money that was held may be captured when its order is over.
                _earliest(line.captured_at) if _was_held(line, steps) else None,
            )
    listed = {each.name for each in header.gateways if each.charges}
    known = {line.id for line in found.charges}
    for payment in steps.payments:
        if payment.gateway not in listed and payment.charge_id not in known:
            yield from _as_booked(payment)


def _earliest(at: datetime | None) -> datetime | None:
    """Return when something has happened at the gateway, if its clock is ahead of ours."""
    return None if at is None else at - CLOCK_DIFFERENCE


def _was_held(line: ChargeLine, steps: Steps) -> bool:
    return any(payment.is_manual and payment.id == line.payment for payment in steps.payments)


def _as_booked(payment: BookedPayment) -> Iterator[Charge]:
    if payment.charge_id is None:
        return
    if payment.status in CAPTURED and payment.captured is not None:
        yield Charge(payment.charge_id, payment.id, payment.captured)
    elif payment.status == "authorized":
        yield Charge(payment.charge_id, payment.id, payment.amount, state="held")


def refunds_of(
    found: OrderRecords, steps: Steps, header: Header, charges: Sequence[Charge]
) -> Iterator[GivenBack]:
    """Yield the refunds; those of a gateway that lists none are as the books say."""
    listed = {each.name for each in header.gateways if each.refunds}
    gateways = {line.id: line.gateway for line in found.charges}
    gateways |= {each.charge_id: each.gateway or "" for each in steps.payments if each.charge_id}
    refunded = {line.id: line.refunded for line in found.charges}
    given = dict[str, int]()
    for line in found.refunds:
        if line.state == "succeeded":
            given[line.charge] = given.get(line.charge, 0) + line.amount
            yield GivenBack(line.charge, Amount(line.amount, line.currency.lower()), line.refund)
    booked, known = dict[str, int](), {line.refund for line in found.refunds}
    for refund in (each for order in steps.orders for each in order.refunds):
        if refund.status != "succeeded":
            continue
        booked[refund.charge_id] = booked.get(refund.charge_id, 0) + refund.amount.minor_units
        if gateways.get(refund.charge_id) not in listed and refund.id not in known:
            yield GivenBack(refund.charge_id, refund.amount, refund.id)
    for charge in charges:
        # What the charge says was given back, and neither its refunds nor the books have.
        explained = max(given.get(charge.id, 0), booked.get(charge.id, 0))
        missing = (refunded.get(charge.id) or 0) - explained
        if charge.state == "captured" and missing > 0:
            yield GivenBack(charge.id, Amount(missing, charge.amount.currency))


def disputes_of(
    found: OrderRecords, steps: Steps, header: Header, *, has_lost_transactions: bool
) -> list[GatewayDispute] | None:
    """Return the disputes; None if a gateway of these payments does not list its own.

    A list has the last state only: those before it are taken from the books, and after a loss of
    commits any. Until when evidence is awaited may have changed since.
    """
    listed = {each.name for each in header.gateways if each.disputes}
    if any(payment.gateway not in listed for payment in steps.payments):
        return None
    booked = {each.id: each for order in steps.orders for each in order.disputes}
    states = _states_of_disputes(steps)
    theirs = [
        GatewayDispute(
            line.id,
            line.charge,
            Amount(line.amount, line.currency.lower()),
            line.reason,
            _until(line.state, _STATES_OF_DISPUTES if has_lost_transactions else states[line.id]),
            is_told=False,
        )
        for line in found.disputes
    ]
    known = {each.id for each in theirs}
    for each in booked.values():
        amount = _amount_of(each, steps)
        if each.reason == _TAKEN_BACK and each.id not in known and amount is not None:
            reason, told = each.reason, tuple(states[each.id])
            theirs.append(GatewayDispute(each.id, each.charge_id, amount, reason, told))
    return theirs


def _amount_of(dispute: BookedDispute, steps: Iterable[Step]) -> Amount | None:
    path = f"dispute.{dispute.id}.amount"
    values = [each.entry.change[path][1] for each in steps if path in each.entry.change]
    return Amount(values[-1]["minor_units"], values[-1]["currency"]) if values else None


def _states_of_disputes(steps: Iterable[Step]) -> Mapping[str, list[str]]:
    states = defaultdict[str, list[str]](list)
    for step in steps:
        for each in step.after.disputes:
            if each.status not in states[each.id]:
                states[each.id].append(each.status)
    return states


def _until(last: str, states: Iterable[str]) -> tuple[str, ...]:
    return (*(each for each in states if each != last), last)
