"""What may never hold, not even for a moment: checked at each commit and each capture.

Each check reads only what has changed, so that it can be made at every step of a run. What was
published or answered cannot be taken back, so it is checked at rest.
"""

from collections.abc import Iterable
from typing import Final

from payments_kit.simulation.model.amounts import Amount
from payments_kit.simulation.model.charges import CAPTURED, LIVE
from payments_kit.simulation.model.claim_steps import refunded_of, wrong_claim
from payments_kit.simulation.model.records import BookedOrder, BookedPayment
from payments_kit.simulation.model.shipment_steps import newest_shipment_is_asked_for

_MAY_BE_HELD: Final = frozenset({"processing", "requires_action", "pending", "abandoned"})
_MAY_BE_CAPTURED: Final = _MAY_BE_HELD | {"authorized"}

_AFTER_A_HOLD: Final = frozenset({"authorized", "succeeded", "reversed", "review", "cancelled"})
"""What may become of a payment that is authorised."""

_AFTER_A_REFUND: Final = {
    "pending": ("pending", "succeeded", "failed"),
    "succeeded": ("succeeded", "failed"),
    "failed": ("failed",),
}
"""What may become of a refund: a bank may return one later; one that has failed stays so."""

_AFTER_A_DISPUTE: Final = {
    "open": ("open", "prevented", "lost", "won"),
    "prevented": ("prevented", "lost", "won"),
    "lost": ("lost", "won"),
    "won": ("won",),
}
"""What may become of a dispute: one that is won stays won."""


def broken_by_commit(
    before: BookedOrder | None, after: BookedOrder, *, has_lost_transactions: bool = False
) -> Iterable[str]:
    """Yield what a commit has broken in the one order that it changed.

    - 1: No order has two live payments, and none is claimed while one in review keeps money. None
      gets into review beside a live one: nobody could accept it, so it is reversed. Two of
      its charges may stand for a while, because a request may arrive after its payment was given up
      and another one was made: the gateway has both, and the books do not know the first. So the
      promise of every moment is about the books: they never know two that they keep.
    - 4: A cancelled order stays so, and no payment claims it, nor one that has expired. A commit
      that cancels an order, or records money that its order may not have, also reserves the refund
      of all of it. The money may stand until the gateway has answered: a refund takes days, and a
      bank may reject it.
      Nor does a hold stay: the commit that cancels the order, or records the hold, also records
      that it is to be released.
    - 5: The commit that records a success also completes its order.
    - 6: A payment that has succeeded stays so; one that is authorised is captured or released.
    - 4 and 6: The money of a payment that its customer has approved is taken only if the order
      is neither cancelled nor paid, and nobody has cancelled the payment.
    - 7 and 8: A claim is for the price and the user that its order has at that moment. A payment
      that is restored from the gateway may be older than the terms.
    - 10: It is authorised first if its order says that its money is captured later.
    - 10: No more is refunded than was taken, and no refund of ours is reserved beyond it. An
      external refund may exceed it together with a reserved one, which the gateway then refuses.
      After a loss, a refund may be restored before the charge that it is of.
    - 10: What is held is captured as the newest shipment says: the commit that records the
      shipment, or the hold, also requests so much; or next, if a capture may be in flight.
    - 2: Money that was taken back is told once: by a dispute that may be lost, or without one. A
      dispute that has ended keeps its last state; only what is lost can still be won. A refund that
      has failed stays so: another one that follows it has an id of its own.
    """
    yield from broken_in_order(after, has_lost_transactions=has_lost_transactions)
    payments = {payment.id: payment for payment in before.payments} if before else {}
    if before and before.status == "cancelled" != after.status:
        yield f"4: order {after.id} was cancelled and is {after.status}"
    for payment in after.payments:
        earlier = payments.get(payment.id)
        if earlier is payment:
            continue
        if payment.status == "succeeded" and after.status == "created":
            yield f"5: payment {payment.id} has succeeded, and order {after.id} is not complete"
        if earlier is None:
            yield from wrong_claim(before, after, payment, has_lost_transactions)
        elif earlier.status == "requires_action" and payment.status == "processing":
            yield from _wrongly_taken(after, earlier)
        elif earlier.status == "succeeded" != payment.status:
            yield f"6: payment {payment.id} had succeeded and is {payment.status}"
        elif earlier.status == "authorized" and payment.status not in _AFTER_A_HOLD:
            yield f"6: payment {payment.id} was authorised and is {payment.status}"
        if payment.status == "review" and (earlier is None or earlier.status != "review"):
            yield from _in_review_beside_live(after, payment)
        is_decided = earlier is not None and earlier.captured == payment.captured
        if not is_decided:  # an operator may accept any amount that was captured
            yield from _captures_too_much(payment)
    yield from _unreleased(before, after)
    yield from newest_shipment_is_asked_for(before, after)
    yield from _unreserved(before, after, payments)
    yield from _reserved_too_much(before, after)
    yield from _refunded_after_all(before, after)
    yield from _told_twice(before, after)


def broken_in_order(order: BookedOrder, *, has_lost_transactions: bool = False) -> Iterable[str]:
    """Yield what may not hold in an order at any moment, whatever has happened before."""
    live = [payment.id for payment in order.payments if payment.status in LIVE]
    if len(live) > 1:
        yield f"1: order {order.id} has {len(live)} live payments: {live}"
    if not order.refunds:
        return
    for payment in order.payments:
        if has_lost_transactions and payment.captured is None:
            continue
        refunded = refunded_of(order.refunds, payment.id, ("succeeded",))
        taken = payment.captured.minor_units if payment.captured else 0
        if refunded > taken:
            yield f"10: {refunded} of payment {payment.id} is refunded, {taken} taken"


def broken_by_capture(
    payment: BookedPayment | None, payment_id: str, amount: Amount, *, captured_before: bool
) -> Iterable[str]:
    """Yield what is broken by a capture at the gateway, given the books at this moment.

    - 1: No money moves for a payment twice, nor without a claim in the books.
    - 6: None moves for a payment that the books, and so perhaps a customer, know to have failed.
    - 10: None moves beyond what was claimed; a part of it only if it was authorised first.

    This holds for a gateway that makes no mistakes, and books that have lost nothing.
    """
    if captured_before:
        yield f"1: payment {payment_id} was captured twice"
    elif payment is None:
        yield f"1: payment {payment_id} was captured without a claim"
    elif payment.status not in _MAY_BE_CAPTURED:
        yield f"6: payment {payment_id} was captured when it was {payment.status}"
    if payment is None:
        return
    is_part = payment.is_manual and payment.amount.currency == amount.currency
    if not (is_part and amount < payment.amount) and payment.amount != amount:
        yield f"10: payment {payment_id} captured {amount}, {payment.amount} was claimed"


def broken_by_hold(
    payment: BookedPayment | None, payment_id: str, amount: Amount, *, held_before: bool
) -> Iterable[str]:
    """Yield what is broken when the gateway holds money, given the books at this moment.

    The promises are those of a capture: one hold of a payment (1), which is claimed and has not
    failed (6), and is what was claimed (10).
    """
    if held_before:
        yield f"1: payment {payment_id} was authorised twice"
    elif payment is None:
        yield f"1: payment {payment_id} was authorised without a claim"
    elif payment.status not in _MAY_BE_HELD:
        yield f"6: payment {payment_id} was authorised when it was {payment.status}"
    if payment is not None and payment.amount != amount:
        yield f"10: payment {payment_id} holds {amount}, {payment.amount} was claimed"


def _wrongly_taken(after: BookedOrder, payment: BookedPayment) -> Iterable[str]:
    """Yield why the money of an approved payment may not be taken, if it may not."""
    if after.status != "created":
        yield f"4: payment {payment.id} is taken, and its order is {after.status}"
    if payment.code is not None:
        yield f"6: payment {payment.id} is taken, and it is to be cancelled: {payment.code}"


def _in_review_beside_live(after: BookedOrder, payment: BookedPayment) -> Iterable[str]:
    if after.status == "cancelled":
        return
    for other in after.payments:
        if other.status in LIVE:
            yield f"1: payment {payment.id} is in review beside {other.id}, which is {other.status}"


def _captures_too_much(payment: BookedPayment) -> Iterable[str]:
    captured, authorized = payment.captured, payment.amount
    if payment.status == "succeeded" and captured is not None and captured > authorized:
        yield f"10: payment {payment.id} captured {captured}, {authorized} was authorised"


def _unreleased(before: BookedOrder | None, after: BookedOrder) -> Iterable[str]:
    if after.status != "cancelled":
        return
    known = before.payments if before is not None and before.status == "cancelled" else ()
    for payment in after.payments:
        if payment.status == "authorized" and payment.code is None and payment not in known:
            yield f"4: the hold of payment {payment.id} is not wanted, and is not to be released"


def _unreserved(
    before: BookedOrder | None, after: BookedOrder, payments: dict[str, BookedPayment]
) -> Iterable[str]:
    was_cancelled = before is not None and before.status == "cancelled"
    for payment in after.payments:
        if payment.status not in CAPTURED or payment.captured is None:
            continue
        earlier = payments.get(payment.id)
        is_new = earlier is None or earlier.status != payment.status
        is_cancelled = after.status == "cancelled" and (is_new or not was_cancelled)
        if not is_cancelled and not (is_new and payment.status == "reversed"):
            continue
        reserved = refunded_of(after.refunds, payment.id, ("pending", "succeeded"))
        if reserved < payment.captured.minor_units:
            taken = payment.captured
            yield f"4: {taken} of payment {payment.id} is not wanted, {reserved} is reserved"


def _reserved_too_much(before: BookedOrder | None, after: BookedOrder) -> Iterable[str]:
    if not after.refunds or (before is not None and before.refunds == after.refunds):
        return
    known = {refund.id for refund in before.refunds} if before else set[str]()
    for refund in after.refunds:
        if refund.id in known or refund.status != "pending":
            continue
        if refund.reference is not None:
            continue  # the gateway has it already: the books had lost it, or others have made it
        reserved = refunded_of(after.refunds, refund.payment_id, ("pending", "succeeded"))
        taken = next(each.captured for each in after.payments if each.id == refund.payment_id)
        if taken is None or reserved > taken.minor_units:
            yield f"10: {reserved} of payment {refund.payment_id} is reserved, {taken} taken"


def _refunded_after_all(before: BookedOrder | None, after: BookedOrder) -> Iterable[str]:
    if before is None or before.refunds == after.refunds:
        return
    known = {refund.id: refund.status for refund in before.refunds}
    for refund in after.refunds:
        earlier = known.get(refund.id, refund.status)
        if refund.status not in _AFTER_A_REFUND[earlier]:
            yield f"2: refund {refund.id} was {earlier} and is {refund.status}"


def _told_twice(before: BookedOrder | None, after: BookedOrder) -> Iterable[str]:
    if before is None or before.disputes == after.disputes:
        return
    known = {dispute.id: dispute for dispute in before.disputes}
    for dispute in after.disputes:
        earlier = known.get(dispute.id)
        if earlier is not None:
            if dispute.status not in _AFTER_A_DISPUTE[earlier.status]:
                yield f"2: dispute {dispute.id} was {earlier.status} and is {dispute.status}"
            continue
        for other in before.disputes:
            is_same = dispute.reason == "reversed" and other.charge_id == dispute.charge_id
            if is_same and other.status in ("open", "lost"):
                yield f"2: dispute {dispute.id} tells again what {other.id} has told"
