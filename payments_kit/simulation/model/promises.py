"""Every promise, for a system at rest."""

import json
from collections.abc import Iterable
from typing import Final

from payments_kit.simulation.model.authorizations import (
    authorizations_are_announced,
    authorized_is_held,
    captured_as_asked,
    expiries_are_announced,
    holds_are_wanted,
    shipped_is_captured,
    voided_is_not_captured,
)
from payments_kit.simulation.model.charges import (
    amounts_are_exact,
    charged_at_most_once,
    orders_keep_only_what_they_may,
    paid_orders_are_not_claimed_again,
    payments_match_charges,
    users_are_separated,
)
from payments_kit.simulation.model.declines import declines_limit_their_source
from payments_kit.simulation.model.disputes import (
    disputes_are_told_as_they_are,
    disputes_match,
)
from payments_kit.simulation.model.events import (
    bodies_match,
    every_outcome_is_published,
    failures_stay_true,
    nothing_else_is_published,
    published_in_order,
    published_under_one_id,
)
from payments_kit.simulation.model.histories import every_change_is_recorded
from payments_kit.simulation.model.orders import ExpectedOrder, expected_orders
from payments_kit.simulation.model.records import BookedOrder, History
from payments_kit.simulation.model.refunds import (
    kept_amounts_match,
    operators_are_told_what_differs,
    refunds_are_within_the_charge,
    refunds_match,
)
from payments_kit.simulation.model.refusals import (
    keys_repeat_their_reply,
    refusals_have_a_reason,
    strangers_learn_nothing,
)
from payments_kit.simulation.model.replies import (
    replies_name_nothing_of_others,
    replies_stay_true,
)

_CHECKS: Final = (
    charged_at_most_once,
    paid_orders_are_not_claimed_again,
    payments_match_charges,
    refunds_match,
    refunds_are_within_the_charge,
    kept_amounts_match,
    operators_are_told_what_differs,
    published_under_one_id,
    every_outcome_is_published,
    nothing_else_is_published,
    bodies_match,
    published_in_order,
    failures_stay_true,
    orders_keep_only_what_they_may,
    replies_stay_true,
    amounts_are_exact,
    users_are_separated,
    replies_name_nothing_of_others,
    strangers_learn_nothing,
    refusals_have_a_reason,
    keys_repeat_their_reply,
    authorized_is_held,
    holds_are_wanted,
    captured_as_asked,
    shipped_is_captured,
    authorizations_are_announced,
    expiries_are_announced,
    voided_is_not_captured,
    declines_limit_their_source,
    disputes_match,
    disputes_are_told_as_they_are,
    every_change_is_recorded,
)


def broken_promises(history: History) -> list[str]:
    """Return a description of each violation; it starts with the number of its promise."""
    found = [violation for check in _CHECKS for violation in check(history)]
    return [
        *found,
        *_events_are_stored(history),
        *_secrets_stay_secret(history),
        *_everything_is_final(history),
    ]


def _announces_a_lost_order(history: History, letter: bytes) -> bool:
    """Whether it is a `payment:created` of ours whose order was lost for as long as it is tried.

    The order is restored with its payment, so nothing is missing, and a replay changes nothing.
    """
    if not history.has_lost_transactions or letter in history.malformed:
        return False
    body = json.loads(letter)
    return any(each.subject == "payment:created" and each.body == body for each in history.events)


def _events_are_stored(history: History) -> Iterable[str]:
    unusable, kept = set(history.malformed), set(history.dead_letters)
    kept -= {each for each in kept if _announces_a_lost_order(history, each)}
    if not unusable <= kept <= unusable | set(history.replayed):
        letters, malformed = sorted(history.dead_letters), sorted(history.malformed)
        yield f"5: the dead letters are {letters}, the malformed {malformed}"
    if history.order_events is None:
        return
    orders = {order.id: order for order in history.orders}
    expected = expected_orders(history.order_events)
    created = (each for each in history.events if each.subject == "payment:created")
    announced = {str(each.body.get("orderId")) for each in created}
    for order_id, right in expected.items():
        yield from _order_is_right(order_id, orders.get(order_id), right)
        if (order := orders.get(order_id)) is not None:
            yield from _order_is_complete_if_paid(order, announced)
    for order_id in sorted(orders.keys() - expected.keys()):
        yield f"5: order {order_id} is in the books, and no event was about it"


def _order_is_right(
    order_id: str, order: BookedOrder | None, right: ExpectedOrder
) -> Iterable[str]:
    if order is None:
        yield f"5: events of order {order_id} were acknowledged, and it is not in the books"
        return
    terms = [(each.price, each.expires_at, each.capture, each.user_id) for each in right.newest]
    ours = order.price, order.expires_at, order.capture, order.user_id
    if ours not in (terms or [(None, None, None, None)]):
        yield f"5: order {order_id} has the terms {ours}, not one of {terms}"
    if order.version != right.version:
        yield f"5: order {order_id} has version {order.version}, the newest is {right.version}"
    if (order.status == "cancelled") != right.is_cancelled:
        was = "cancelled" if right.is_cancelled else "never cancelled"
        yield f"5: order {order_id} was {was}, and it is {order.status}"


def _order_is_complete_if_paid(order: BookedOrder, announced: set[str]) -> Iterable[str]:
    is_paid = any(payment.status == "succeeded" for payment in order.payments)
    if order.status == "complete" and not is_paid and order.id not in announced:
        yield f"5: order {order.id} is complete, and nothing has paid for it"
    if is_paid and order.status not in ("complete", "cancelled"):
        yield f"5: order {order.id} is paid, and it is {order.status}"


def _secrets_stay_secret(history: History) -> Iterable[str]:
    # Not a repr of the service's own, which hides secrets.
    stored = [repr(them) for them in (history.orders, history.events)]
    for text in (*stored, *history.texts):
        if any(secret in text for secret in history.secrets):
            yield f"8: a secret is in {text[:40]!r}…"


def _everything_is_final(history: History) -> Iterable[str]:
    for payment in history.payments.values():
        if payment.status in ("processing", "requires_action", "pending"):
            yield f"9: payment {payment.id} is still {payment.status}"
        if payment.status == "authorized" and payment.code is not None:
            yield f"9: payment {payment.id} is still to be released: {payment.code}"
        if payment.status == "authorized" and payment.requested is not None:
            yield f"9: {payment.requested} of payment {payment.id} is still to be captured"
    if history.unpublished:
        yield f"9: {history.unpublished} events were never published"
    for order in history.orders:
        for refund in order.refunds:
            if refund.status == "pending":
                yield f"9: refund {refund.id} is still pending"
