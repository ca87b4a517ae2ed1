"""What the service has confirmed to a gateway is in the books before anybody compares them (2)."""

from collections.abc import Iterable

from payments_kit.simulation.model.charges import CAPTURED
from payments_kit.simulation.model.disputes import RANK
from payments_kit.simulation.model.records import BookedOrder
from payments_kit.simulation.model.reports import ConfirmedReport
from payments_kit.simulation.model.words import in_words


def unapplied_reports(
    orders: Iterable[BookedOrder], confirmed: Iterable[ConfirmedReport]
) -> Iterable[str]:
    """Yield what was confirmed and has changed nothing, when all else has ended.

    A gateway does not send it again, so only a comparison finds it. A report about money that is
    captured after days may be too old by then.
    """
    charged = {
        (payment.gateway, payment.charge_id): order
        for order in orders
        for payment in order.payments
        if payment.status in CAPTURED and not payment.is_manual
    }
    for each in confirmed:
        order = charged.get((each.gateway, each.charge_id))
        if order is None:
            continue
        if each.reference is not None:
            if all(refund.reference != each.reference for refund in order.refunds):
                yield f"2: refund {each.reference} was confirmed, and is not in the books"
            continue
        ours = [other for other in order.disputes if other.id == each.dispute_id]
        if all(RANK[other.status] < RANK[each.status] for other in ours):
            said = in_words(ours[-1] if ours else None)
            yield f"2: dispute {each.dispute_id} was confirmed as {each.status}, and ours is {said}"
