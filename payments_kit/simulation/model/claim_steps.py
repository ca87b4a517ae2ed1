"""What a claim may never be, checked at the commit that makes it."""

from collections.abc import Iterable

from payments_kit.simulation.model.records import BookedOrder, BookedPayment, BookedRefund


def wrong_claim(
    before: BookedOrder | None, after: BookedOrder, payment: BookedPayment, has_lost: bool
) -> Iterable[str]:
    """Yield what is wrong with a payment that is new in its order."""
    if payment.status != "processing" or (before is None and has_lost):
        return  # it was restored from the gateway, perhaps with its order
    if before is None or before.status == "cancelled":
        was = "cancelled" if before else "unknown"
        yield f"4: payment {payment.id} claims order {after.id}, which is {was}"
        return
    for other in before.payments:
        if other.status == "review" and other.captured is not None:
            refunded = refunded_of(before.refunds, other.id, ("succeeded",))
            if refunded < other.captured.minor_units:
                yield f"1: payment {payment.id} claims order {after.id}, {other.id} is in review"
    if payment.user_id != before.user_id:
        yield f"8: {payment.user_id} claims order {after.id}, which is {before.user_id}'s"
    if payment.amount != before.price:
        yield f"7: payment {payment.id} claims {payment.amount}, the price is {before.price}"
    if before.capture is not None and payment.is_manual != (before.capture == "manual"):
        yield f"10: payment {payment.id} is not captured as its order says: {before.capture}"
    if payment.claimed_at and before.expires_at and payment.claimed_at >= before.expires_at:
        yield f"4: payment {payment.id} claims order {after.id}, expired at {before.expires_at}"


def refunded_of(
    refunds: tuple[BookedRefund, ...], payment_id: str, statuses: tuple[str, ...]
) -> int:
    """Return how many minor units of a payment its refunds in these states have."""
    return sum(
        each.amount.minor_units
        for each in refunds
        if each.payment_id == payment_id and each.status in statuses
    )
