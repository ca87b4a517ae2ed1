"""Promises about refunds: as in the books (2), and never more than was taken (10)."""

from collections.abc import Iterable

from payments_kit.simulation.model.records import History
from payments_kit.simulation.model.words import in_words


def refunds_match(history: History) -> Iterable[str]:
    """Check that each refund is in the books once, as it is at the gateway, and the reverse."""
    recorded = {refund.id: refund for refund in history.succeeded_refunds}
    ours = [each for each in history.refunds if each.refund_id is not None]
    for given in ours:
        refund = recorded.get(given.refund_id or "")
        if refund is None or (refund.charge_id, refund.amount) != (given.charge_id, given.amount):
            theirs, said = f"{given.amount} for {given.refund_id}", in_words(refund)
            yield f"2: the gateway refunded {theirs}, and ours is {said}"
    sent = {each.refund_id for each in ours}
    if len(sent) < len(ours):
        names = [each.refund_id for each in ours]
        twice = sorted({str(each) for each in names if names.count(each) > 1})
        yield f"2: the gateway has given {', '.join(twice)} back twice"
    external = {each.charge_id for each in history.refunds if each.refund_id is None}
    for refund in recorded.values():
        if refund.id not in sent and refund.charge_id not in external:
            yield f"2: the gateway has no refund {refund.id}"


def refunds_are_within_the_charge(history: History) -> Iterable[str]:
    """Check that no more is given back than was taken, at the gateway and in the books."""
    for charge in history.captured:
        if history.kept(charge) < 0:
            yield f"10: more than charge {charge.id} was given back"
    recorded = _recorded_by_payment(history)
    for payment in history.payments.values():
        taken = payment.captured.minor_units if payment.captured else 0
        if recorded.get(payment.id, 0) > taken:
            yield f"10: {recorded[payment.id]} of payment {payment.id} is refunded, {taken} taken"


def kept_amounts_match(history: History) -> Iterable[str]:
    """Check that what is left of each charge is what the books say."""
    external = {each.charge_id for each in history.refunds if each.refund_id is None}
    recorded = _recorded_by_payment(history)
    for charge in history.captured:
        payment = history.payment_of(charge)
        if payment is None or payment.captured is None:
            continue
        left = payment.captured.minor_units - recorded.get(payment.id, 0)
        kept = history.kept(charge)
        may_be_unknown = charge.id in external and history.hides_external_refunds
        if kept > left or (kept < left and not may_be_unknown):
            yield f"2: {kept} of charge {charge.id} is kept, we record {left}"


def operators_are_told_what_differs(history: History) -> Iterable[str]:
    """Check that a comparison names what the gateway does not know any more, and nothing else."""
    if history.differences is None:
        return
    gone = {("refund_unknown", name) for name in history.forgotten_refunds}
    booked = {each.id for each in history.succeeded_refunds}
    for _, name in sorted(gone - {*history.differences}):
        if name in booked:
            yield f"2: the gateway has no refund {name} any more, and no operator was told"
    for kind, name in sorted({*history.differences} - gone):
        payment = history.payments.get(name)
        differs = payment is not None and payment.captured not in (None, payment.amount)
        if differs and kind in ("amount", "currency"):
            continue
        yield f"2: an operator was told {kind} of {name}, and the books agree"


def _recorded_by_payment(history: History) -> dict[str, int]:
    sums = dict[str, int]()
    for refund in history.succeeded_refunds:
        sums[refund.payment_id] = sums.get(refund.payment_id, 0) + refund.amount.minor_units
    return sums
