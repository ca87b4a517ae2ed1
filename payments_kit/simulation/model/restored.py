"""What may be otherwise than it was published, once lost transactions were restored."""

from collections.abc import Collection, Iterable
from typing import Final

from payments_kit.simulation.model.records import BookedPayment, BookedRefund, History

NOT_RESTORED: Final = ("code", "reason", "stripeId", "chargeId")
"""The fields that may be others when a payment that was lost is restored from the gateway: of two
charges that the gateway made by mistake, the other one may be kept."""


def may_differ(
    history: History,
    published_of: BookedPayment,
    refund: BookedRefund | None,
    booked: Iterable[BookedRefund],
) -> Collection[str]:
    """Return the fields of an event that may differ from the books.

    Args:
        published_of: the payment that the event names.
        refund: the refund that it is about, as it is in the books.
        booked: all refunds in the books.
    """
    if not history.has_lost_transactions:
        return ()
    fields = [*NOT_RESTORED]
    if refund is None:
        return fields
    if any(each.payment_id == refund.payment_id and each.id != refund.id for each in booked):
        fields.append("amount")  # how much counts depends on which others were known
    # Of two charges of one payment, each may have become the first one.
    labels = {each.id: each.payment_id for each in history.charges}
    label = labels.get(refund.charge_id)
    if label is not None and label == labels.get(published_of.charge_id or ""):
        fields.append("id")
    return fields
