"""The invariants of published events; see invariants.py."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from domain.payment import NOT_SENT, PaymentStatus
from payments_kit.simulation.observations import Observations

_WITH_REASON: Final = ("payment:failed:", "payment:refunded:")


def published_under_one_id(found: Observations) -> Iterable[str]:
    """Check that each outcome is published, under one id with one content."""
    contents = defaultdict[str, list[object]](list)
    created = defaultdict[str, set[str]](set)
    for each in found.delivered:
        content = (each.subject, each.order_id, each.payment_id, each.body)
        if content not in contents[each.id]:
            contents[each.id].append(content)
        if each.subject == "payment:created":
            created[each.payment_id].add(each.id)
    for event_id, different in contents.items():
        # The reason of a failure, or why an order may not keep its payment, is not restored: what
        # was decided again may have another one.
        may_differ = found.has_lost_transactions and event_id.startswith(_WITH_REASON)
        if len(different) > 1 and not may_differ:
            yield f"3: event {event_id} has different contents: {different}"
    for payment_id, ids in created.items():
        payment = found.payments.get(payment_id)
        if payment is None or not found.stays_paid(payment):
            status = payment and payment.status.value
            yield f"3: payment {payment_id} was published as created and is {status}"
        if len(ids) > 1:
            yield f"3: payment {payment_id} was published under {sorted(ids)}"
    for payment in found.payments.values():
        if payment.status is PaymentStatus.SUCCEEDED and payment.id not in created:
            yield f"3: payment {payment.id} succeeded and was never published"
        published = f"payment:failed:{payment.id}" in contents
        if payment.has_failed and not published:
            yield f"3: payment {payment.id} failed and was never published"
        if payment.code == NOT_SENT and published and not found.has_lost_transactions:
            yield f"3: payment {payment.id} was never sent, and was published as failed"
    for refund in found.our_refunds:
        if f"payment:refunded:{refund.id}" not in contents:
            yield f"3: refund {refund.id} succeeded and was never published"


def delivered_in_order(found: Observations) -> Iterable[str]:
    """Check that a refund is never delivered before its payment, nor `pending` after its end."""
    first = dict[str, int]()
    for position, each in enumerate(found.delivered):
        first.setdefault(each.id, position)
    for each in found.delivered:
        created = f"payment:created:{each.payment_id}"
        if each.subject == "payment:refunded" and first.get(created, -1) > first[each.id]:
            yield f"3: {each.id} was delivered before {created}"
        is_late = (
            each.subject == "payment:pending"
            and first.get(created, len(found.delivered)) < first[each.id]
        )
        # What is read from the gateway just before a failover may be recorded again after it.
        if is_late and not found.has_lost_transactions:
            yield f"3: {each.id} was delivered after {created}"


def failures_stay_true(found: Observations) -> Iterable[str]:
    """Check that no payment that was published as failed is captured; an abandoned one may be."""
    if found.has_lost_transactions:
        return
    for each in found.delivered:
        payment = found.payments.get(each.payment_id)
        if each.subject == "payment:failed" and payment is not None and payment.is_captured:
            code = each.body.get("code") if isinstance(each.body, dict) else None
            if code != PaymentStatus.ABANDONED.value:
                yield f"6: payment {payment.id} was published as failed ({code}), and is captured"
