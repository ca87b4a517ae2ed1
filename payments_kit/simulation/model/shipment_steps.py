"""What a commit that records a shipment, or a hold, has to request at once (10)."""

from collections.abc import Iterable

from payments_kit.simulation.model.records import BookedOrder


def newest_shipment_is_asked_for(before: BookedOrder | None, after: BookedOrder) -> Iterable[str]:
    """Yield what a commit holds of an order without requesting what its newest shipment says."""
    if after.shipped is None:
        return
    is_new = before is None or before.shipped != after.shipped
    held = {each.id for each in before.payments if each.status == "authorized"} if before else ()
    _, units = after.shipped
    for payment in after.payments:
        if payment.status != "authorized" or payment.code is not None:
            continue
        shipped = payment.amount if units is None else payment.amount._replace(minor_units=units)
        is_asked = shipped in (payment.requested, payment.next_capture)
        if (is_new or payment.id not in held) and not is_asked:
            yield f"10: {shipped} of payment {payment.id} is shipped, not {payment.requested}"
