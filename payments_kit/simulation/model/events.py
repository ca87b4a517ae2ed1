"""Promises about the events that we publish: each once, with what the books say, in order (3)."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from payments_kit.simulation.model.charges import CAPTURED
from payments_kit.simulation.model.records import BookedPayment, BookedRefund, Event, History
from payments_kit.simulation.model.replies import NOT_SENT, stays_paid
from payments_kit.simulation.model.restored import NOT_RESTORED, may_differ

_FAILED: Final = frozenset({"failed", "abandoned", "cancelled"})

_WITH_REASON: Final = (
    *("payment:failed", "payment:refunded", "payment:refund_failed", "payment:voided"),
    "payment:disputed",
)
"""The reason of a failure, why an order may not keep its payment, or the time for evidence, is not
restored after a loss:
what was decided again may have another one."""


def _about(event: Event) -> tuple[str, object, object]:
    """Return what an event announces; each such thing is announced once."""
    body = event.body
    which: object = None
    if event.subject == "payment:disputed":
        which = body.get("disputeId"), body.get("status")
    elif event.subject in ("payment:refunded", "payment:refund_failed"):
        which = body.get("refundId")
    return event.subject, body.get("id"), which


def published_under_one_id(history: History) -> Iterable[str]:
    """Check that one id always has one content, and one outcome always one id."""
    contents = dict[str, list[tuple[str, Mapping[str, Any]]]]()
    ids = dict[tuple[str, object, object], set[str]]()
    unlike = NOT_RESTORED if history.has_lost_transactions else ()
    for each in history.events:
        content = each.subject, {name: each.body[name] for name in each.body if name not in unlike}
        known = contents.setdefault(each.id, [])
        if content not in known:
            known.append(content)
        ids.setdefault(_about(each), set()).add(each.id)
    for event_id, different in contents.items():
        is_restored = history.has_lost_transactions and different[0][0] in _WITH_REASON
        if len(different) > 1 and not is_restored:
            yield f"3: event {event_id} has different contents: {different}"
    for (subject, payment_id, _), names in ids.items():
        if len(names) > 1:
            yield f"3: {subject} of {payment_id} was published under {sorted(names)}"


def _about_refund(refund: BookedRefund) -> tuple[str, object, object]:
    return "payment:refunded", refund.payment_id, refund.id


def every_outcome_is_published(history: History) -> Iterable[str]:
    """Check that each outcome in the books was published."""
    published = {_about(each) for each in history.events}
    for payment in history.payments.values():
        if payment.status == "succeeded" and not _has(published, "created", payment):
            yield f"3: payment {payment.id} succeeded and was never published"
        has_failed = payment.status in _FAILED and not _was_never_sent(payment)
        is_known = _has(published, "failed", payment) or _has(published, "voided", payment)
        if has_failed and not is_known:
            yield f"3: payment {payment.id} is {payment.status} and was never published"
    refunded = {refund_id for subject, _, refund_id in published if subject == "payment:refunded"}
    disputed = {state for subject, _, state in published if subject == "payment:disputed"}
    # If a payment was charged twice, the loss of both charges may change which one is first.
    for refund in history.succeeded_refunds:
        was_published = history.has_lost_transactions and refund.id in refunded
        if not was_published and _about_refund(refund) not in published:
            yield f"3: refund {refund.id} succeeded and was never published"
    for refund in (each for order in history.orders for each in order.refunds):
        was_told = refund.status == "failed" and refund.id in refunded
        is_told = ("payment:refund_failed", refund.payment_id, refund.id) in published
        if was_told and not is_told and not history.has_lost_transactions:
            yield f"3: refund {refund.id} was published, and its failure was not"
    for dispute in (each for order in history.orders for each in order.disputes):
        state = dispute.id, dispute.status
        was_published = history.has_lost_transactions and state in disputed
        if not was_published and ("payment:disputed", dispute.payment_id, state) not in published:
            yield f"3: dispute {dispute.id} is {dispute.status}, which was never published"
    for reply in history.replies:
        if not _was_pending(reply.body) or history.has_lost_transactions:
            continue
        if ("payment:pending", reply.payment_id, None) not in published:
            yield f"3: payment {reply.payment_id} was pending and was never published"


def _was_never_sent(payment: BookedPayment) -> bool:
    return (payment.status, payment.code) == ("abandoned", NOT_SENT)


def _is(event: Event, what: str) -> bool:
    return event.subject == f"payment:{what}"


def _has(published: set[tuple[str, object, object]], what: str, payment: BookedPayment) -> bool:
    return (f"payment:{what}", payment.id, None) in published


def _was_pending(body: Mapping[str, Any] | None) -> bool:
    return body is not None and body.get("status") == "pending"


def nothing_else_is_published(history: History) -> Iterable[str]:
    """Check that nothing is published that did not happen."""
    booked = [each for order in history.orders for each in order.refunds]
    refunds = {each.id: each for each in booked}
    if history.has_lost_transactions:
        # One of others that was lost may come back as the answer to one of ours.
        refunds = {each.reference: each for each in booked if each.reference} | refunds
    for each in first_deliveries(history):
        payment = history.payments.get(str(each.body.get("id")))
        if payment is None:
            if not history.has_lost_transactions:
                yield f"3: {each.id} was published, and its payment is unknown"
            continue
        if _is(each, "created") and not stays_paid(history, payment):
            yield f"3: payment {payment.id} was published as created and is {payment.status}"
        is_restored = history.has_lost_transactions
        if _is(each, "failed") and _was_never_sent(payment) and not is_restored:
            yield f"3: payment {payment.id} was never sent, and was published as failed"
        refund = refunds.get(str(each.body.get("refundId")))
        if refund is None and is_restored:
            continue  # others' refund that has failed since is not listed any more
        if _is(each, "refund_failed") and (refund is None or refund.status != "failed"):
            yield f"3: {each.id} was published, and the refund is {refund and refund.status}"
        if _is(each, "refunded") and (refund is None or refund.status == "pending"):
            yield f"3: {each.id} was published, and the refund is {refund and refund.status}"


def bodies_match(history: History) -> Iterable[str]:
    """Check that the content of each event is what the books say."""
    booked = [each for order in history.orders for each in order.refunds]
    refunds = {each.id: each for each in booked}
    if history.has_lost_transactions:
        # One of others that was lost may come back as the answer to one of ours.
        refunds = {each.reference: each for each in booked if each.reference} | refunds
    for each in first_deliveries(history):
        payment = history.payments.get(str(each.body.get("id")))
        if payment is None:
            continue
        right = dict[str, object]({"orderId": history.order_ids[payment.id]})
        amount = None
        if _is(each, "created"):
            right |= {"stripeId": payment.charge_id, **_gateway(payment)}
            amount = payment.captured
        if _is(each, "pending"):
            right |= _gateway(payment)
            amount = payment.amount
        if _is(each, "failed") and payment.status in _FAILED and not _was_given_up(each):
            right["code"] = payment.code
        refund = refunds.get(str(each.body.get("refundId")))
        if refund is not None:
            right |= {"id": refund.payment_id, "stripeId": refund.charge_id}
            has_reason = refund.reason is not None and not _is(each, "refund_failed")
            right |= {"reason": refund.reason} if has_reason else {}
            amount = refund.amount
        if amount is not None:
            right |= {"amount": amount.minor_units, "currency": amount.currency}
        restored = may_differ(history, payment, refund, booked)
        for name, value in right.items():
            if each.body.get(name) != value and name not in restored:
                found = each.body.get(name)
                yield f"3: {name} of {each.id} is {found}, but it is {value} in the books"


def _gateway(payment: BookedPayment) -> dict[str, object]:
    return {} if payment.gateway is None else {"gateway": payment.gateway}


def _was_given_up(event: Event) -> bool:
    """Whether it says that the gateway had no record of the payment, which may change later."""
    return event.body.get("code") == "abandoned"


def first_deliveries(history: History) -> list[Event]:
    """Return the first delivery of each event."""
    first = dict[str, Event]()
    for each in history.events:
        first.setdefault(each.id, each)
    return list(first.values())


def published_in_order(history: History) -> Iterable[str]:
    """Check that the events of an order are delivered in the order of what happened."""
    first = [each for each in first_deliveries(history) if each.id not in history.rejected]
    place = {each.id: number for number, each in enumerate(first)}
    created = {str(each.body.get("id")): each for each in first if _is(each, "created")}
    for each in first:
        payment = created.get(str(each.body.get("id")))
        if payment is None:
            continue
        is_later = each.subject in ("payment:refunded", "payment:refund_failed", "payment:disputed")
        # What is in review may be given back, in part, or disputed before an operator accepts it.
        is_later = is_later and payment.body.get("id") not in history.reviewed
        # A loss may make one succeed that had been reversed, and was refunded or disputed as such.
        is_later = is_later and not history.has_lost_transactions
        if is_later and place[payment.id] > place[each.id]:
            yield f"3: {each.id} was delivered before {payment.id}"
        # What is read from the gateway just before a failover may be recorded again after it.
        is_earlier = _is(each, "pending") or _is(each, "authorized")
        is_earlier = is_earlier and not history.has_lost_transactions
        if is_earlier and place[payment.id] < place[each.id]:
            yield f"3: {each.id} was delivered after {payment.id}"
    if history.committed is not None and not history.has_lost_transactions:
        yield from _delivered_as_committed(first, history.committed)


def _delivered_as_committed(first: list[Event], committed: Iterable[str]) -> Iterable[str]:
    number = {event_id: number for number, event_id in enumerate(committed)}
    latest = dict[object, Event]()
    for each in first:
        order_id = each.body.get("orderId")
        before = latest.get(order_id)
        if each.id not in number:
            yield f"3: {each.id} was delivered, and never committed"
            continue
        if before is not None and number[before.id] > number[each.id]:
            yield f"3: {before.id} was delivered before {each.id}, which had happened earlier"
        else:
            latest[order_id] = each


def failures_stay_true(history: History) -> Iterable[str]:
    """Check that no payment that was published as failed is captured; an abandoned one may be."""
    if history.has_lost_transactions:
        return
    for each in history.events:
        payment = history.payments.get(str(each.body.get("id")))
        if not _is(each, "failed") or payment is None or payment.status not in CAPTURED:
            continue
        if not _was_given_up(each):
            code = each.body.get("code")
            yield f"6: payment {payment.id} was published as failed ({code}), and is captured"
