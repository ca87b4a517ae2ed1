"""Invariants: the promises of the service, checked on observations of a system at rest.

A violation starts with the number of its promise. The tests on real
processes use this module as well.

1. An order is charged at most once.
2. Our payments and refunds are the gateway's.
3. Each outcome is published under one event id, in order, and with the right subject.
4. A cancelled order keeps no money.
5. An acknowledged order event is in the replica, or in the dead letters.
6. A reply stays true, and so does the event that a payment has failed.
7. An amount is never rounded.
8. No user learns about another user's payment, and no secret appears anywhere.
9. Every payment, refund and event reaches a final state.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from attrs import asdict

from domain.money import Money
from domain.payment import NOT_SENT, PaymentStatus
from domain.refund import RefundStatus
from payments_kit.simulation.event_invariants import (
    delivered_in_order,
    failures_stay_true,
    published_under_one_id,
)
from payments_kit.simulation.observations import GatewayCharge, Observations

# Twice the largest difference between a simulated process's clock and the gateway's.
_CLOCK_SKEW: Final = timedelta(seconds=3)


def broken_promises(found: Observations) -> list[str]:
    """Return a description of each violation; payments in review wait for an operator."""
    return [
        *_charged_at_most_once(found),
        *_paid_orders_are_not_claimed_again(found),
        *_payments_match_charges(found),
        *_no_charge_is_refunded_too_far(found),
        *_refunds_match(found),
        *_external_refunds_are_recorded(found),
        *_kept_amounts_match(found),
        *published_under_one_id(found),
        *delivered_in_order(found),
        *_cancelled_orders_keep_nothing(found),
        *_acknowledged_events_are_stored(found),
        *_replies_stay_true(found),
        *failures_stay_true(found),
        *_amounts_are_exact(found),
        *_users_are_separated(found),
        *_secrets_stay_secret(found),
        *_everything_is_final(found),
    ]


def _charged_at_most_once(found: Observations) -> Iterable[str]:
    kept = defaultdict[str, list[str]](list)
    for charge in found.charges:
        payment = found.payment_of(charge)
        if payment and payment.status is not PaymentStatus.REVIEW and found.kept(charge) > 0:
            kept[payment.order_id].append(charge.id)
    for order_id, charges in kept.items():
        if len(charges) > 1:
            yield f"1: order {order_id} is charged {len(charges)} times: {charges}"
    for order in found.orders:
        live = [payment.id for payment in order.payments if payment.is_live]
        if len(live) > 1:
            yield f"1: order {order.id} has {len(live)} live payments"


def _paid_orders_are_not_claimed_again(found: Observations) -> Iterable[str]:
    """No order is claimed again after its charge was confirmed, even if the database has lost it.

    Both can be charged if the database loses a payment whose charge is in flight.
    """
    confirmed = {reply.payment_id for reply in found.replies if reply.kind == "paid"}
    for first in found.charges:
        if first.payment_id not in confirmed or first.captured_at is None:
            continue
        for other in found.charges:
            if other.order_id != first.order_id or other.claimed_at is None:
                continue
            if other.claimed_at > first.captured_at + _CLOCK_SKEW:
                yield f"1: order {first.order_id} was paid by {first.id}, then by {other.id}"


def _payments_match_charges(found: Observations) -> Iterable[str]:
    charged = {charge.id for charge in found.charges}
    for charge in found.charges:
        yield from _payment_matches(charge, found)
    for payment in found.payments.values():
        if payment.is_captured and payment.charge_id not in charged:
            yield f"2: payment {payment.id} is {payment.status.value} without a charge"


def _payment_matches(charge: GatewayCharge, found: Observations) -> Iterable[str]:
    payment = found.payment_of(charge)
    if payment is None or not payment.is_captured:
        status = payment.status.value if payment else "unknown"
        yield f"2: charge {charge.id} exists, but payment {charge.payment_id} is {status}"
        return
    recorded = payment.charge_id, payment.captured_amount
    requested = payment.charge_id, payment.amount
    if payment.status is not PaymentStatus.REVIEW and requested != (charge.id, charge.amount):
        yield f"2: payment {payment.id} is {payment.amount}, charge {charge.id} {charge.amount}"
    elif recorded != (charge.id, charge.amount):
        yield (
            f"2: payment {payment.id} captured {payment.captured_amount}, "
            f"charge {charge.id} {charge.amount}"
        )
    elif payment.status is PaymentStatus.REVERSED and found.kept(charge) > 0:
        yield f"2: reversed charge {charge.id} is kept"


def _refunds_match(found: Observations) -> Iterable[str]:
    recorded = {str(refund.id): refund for refund in found.our_refunds}
    ours = [each for each in found.refunds if each.refund_id is not None]
    for given in ours:
        refund = recorded.get(given.refund_id or "")
        if refund is None or (refund.charge_id, refund.amount) != (given.charge_id, given.amount):
            yield f"2: the gateway refunded {given.amount} for {given.refund_id}; ours: {refund}"
    if len({given.refund_id for given in ours}) < len(ours):
        yield f"2: a refund was given back twice: {ours}"
    external = {each.charge_id for each in found.refunds if each.refund_id is None}
    sent = {each.refund_id for each in ours}
    for refund in recorded.values():
        if refund.id not in sent and refund.charge_id not in external:
            yield f"2: the gateway has no refund {refund.id}"


def _no_charge_is_refunded_too_far(found: Observations) -> Iterable[str]:
    for charge in found.charges:
        if found.kept(charge) < 0:
            yield f"2: more than charge {charge.id} was given back"


def _external_refunds_are_recorded(found: Observations) -> Iterable[str]:
    if not found.reports_external_refunds:
        return
    refunded = defaultdict[str, int](int)
    for refund in found.our_refunds:
        refunded[refund.charge_id] += refund.amount.minor_units
    for charge in found.charges:
        recorded = charge.amount.minor_units - refunded[charge.id]
        if recorded != found.kept(charge):
            yield (
                f"2: the gateway keeps {found.kept(charge)} of charge {charge.id}, "
                f"we record {recorded}"
            )


def _kept_amounts_match(found: Observations) -> Iterable[str]:
    external = {refund.charge_id for refund in found.refunds if refund.refund_id is None}
    unreported = external if found.hides_external_refunds else set[str]()
    refunded = defaultdict[str, int](int)
    for refund in found.our_refunds:
        refunded[refund.payment_id] += refund.amount.minor_units
    for charge in found.charges:
        payment = found.payment_of(charge)
        if payment is None or payment.captured_amount is None:
            continue
        left, kept = payment.captured_amount.minor_units - refunded[payment.id], found.kept(charge)
        if kept > left or (kept < left and charge.id not in unreported):
            yield f"2: {found.kept(charge)} of charge {charge.id} is kept, we record {left}"


def _cancelled_orders_keep_nothing(found: Observations) -> Iterable[str]:
    for order in found.orders:
        payments = {each.id for each in order.payments}
        for charge in found.charges:
            if order.is_cancelled and charge.payment_id in payments and found.kept(charge) > 0:
                yield f"4: order {order.id} is cancelled and charge {charge.id} is kept"


def _acknowledged_events_are_stored(found: Observations) -> Iterable[str]:
    replicas = {order.id: order.replica for order in found.orders}
    for event in found.acknowledged:
        replica = replicas.get(event.id)
        if replica is None or replica.merge(event) != replica:
            yield f"5: {event} was acknowledged, the replica is {replica}"
    if set(found.malformed) != set(found.dead_letters):
        yield f"5: the dead letters are {found.dead_letters}, the malformed {found.malformed}"


def _replies_stay_true(found: Observations) -> Iterable[str]:
    charged = {charge.payment_id for charge in found.charges}
    for reply in found.replies:
        payment = found.payments.get(reply.payment_id)
        if reply.kind == "paid" and (payment is None or not found.stays_paid(payment)):
            yield f"6: the reply was that {reply.payment_id} is paid, but it is {payment}"
        if reply.kind in ("declined", "not charged", "cancelled") and reply.payment_id in charged:
            yield f"6: the reply was that {reply.payment_id} is {reply.kind}, but it is charged"
        if reply.kind == "key reused" and payment is not None and payment.code != NOT_SENT:
            yield f"6: the reply refused its key, but started {reply.payment_id}"


def _amounts_are_exact(found: Observations) -> Iterable[str]:
    prices = defaultdict[str, set[Money]](set)
    for event in found.acknowledged:
        if event.terms is not None:
            prices[event.id].add(event.terms.price)
    for payment in found.payments.values():
        known = prices.get(payment.order_id)
        if known is not None and payment.amount not in known:
            yield f"7: payment {payment.id} is {payment.amount}, the order's prices are {known}"


def _users_are_separated(found: Observations) -> Iterable[str]:
    owners = defaultdict[str, set[str]](set)
    for event in found.acknowledged:
        if event.terms is not None:
            owners[event.id].add(event.terms.user_id)
    payments = found.payments
    for payment in payments.values():
        if payment.user_id not in owners.get(payment.order_id, (payment.user_id,)):
            yield f"8: {payment.user_id} pays for another user's order {payment.order_id}"
    for reply in found.replies:
        named = payments.get(reply.payment_id)
        if named is not None and reply.user_id not in (None, named.user_id):
            yield f"8: the reply to {reply.user_id} names another user's payment {named.id}"


def _secrets_stay_secret(found: Observations) -> Iterable[str]:
    # Not their own repr, which hides secrets.
    stored = [repr([asdict(each) for each in them]) for them in (found.orders, found.delivered)]
    for text in (*stored, *found.texts):
        if any(secret in text for secret in found.secrets):
            yield f"8: a secret is in {text[:40]!r}…"


def _everything_is_final(found: Observations) -> Iterable[str]:
    for payment in found.payments.values():
        if payment.is_open:
            yield f"9: payment {payment.id} is still {payment.status.value}"
    if found.unpublished:
        yield f"9: {found.unpublished} events were never published"
    for refund in (refund for order in found.orders for refund in order.refunds):
        if refund.status is RefundStatus.PENDING:
            yield f"9: refund {refund.id} is still pending"
