"""What every test of the whole holds the service to: the nine promises, checked on plain data.

It knows no adapter and no simulation, so the tests on real processes use it as well.
Give it what stands at the gateway, our bills, and what a consumer heard, once everything has
come to rest; it names every promise that is broken.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from attrs import asdict, field, frozen

from domain.money import Money
from domain.order import Order
from domain.payment import Payment, PaymentStatus
from domain.refund import RefundStatus
from domain.replica import OrderReplica


@frozen
class ChargeThere:
    """Money that the gateway took."""

    id: str
    payment_id: str
    amount: Money


@frozen
class RefundThere:
    """Money that the gateway gave back; `refund_id` is ours, None if somebody did it by hand."""

    charge_id: str
    amount: Money
    refund_id: str | None = None


@frozen
class Delivered:
    """One delivery of one of our events, as a consumer heard it."""

    id: str
    subject: str
    order_id: str
    payment_id: str
    body: object = None
    """Whatever compares equal for two deliveries of the same content."""


@frozen
class RecordedReply:
    """An answer that somebody got.

    `paid` (201), `declined` (402), `nothing done` (503: the payment begun for the request was never
    charged); any other kind only tells of the payment.
    """

    kind: str
    payment_id: str
    user_id: str | None = None
    """Who got it, where that is known."""


@frozen
class Observations:
    """Everything there is to compare."""

    charges: Sequence[ChargeThere]
    refunds: Sequence[RefundThere]
    orders: Sequence[Order]
    seen: Sequence[Delivered] = ()
    """In the order in which the consumer heard them."""
    answers: Sequence[RecordedReply] = ()
    acknowledged: Sequence[OrderReplica] = ()
    """Order events that were acknowledged and are not in the dead letters."""
    unreadable: Collection[bytes] = ()
    """Acknowledged order events that nobody can use."""
    dead_letters: Collection[bytes] = ()
    """What the dead letters hold."""
    hears_of_other_hands: bool = False
    """Whether the gateway told of every refund by another hand, so that our books must have it."""
    unsent: int = 0
    """Our events that still wait to be published, or were refused."""
    secrets: Collection[str] = field(default=(), repr=False)
    """What may be found nowhere: card tokens, keys, client secrets."""
    texts: Iterable[str] = field(default=(), repr=False)
    """Where to look for them besides: logs, errors, dumps of tables."""

    @property
    def payments(self) -> dict[str, Payment]:
        """Every payment of ours by its id."""
        return {payment.id: payment for order in self.orders for payment in order.payments}

    def kept(self, charge: ChargeThere) -> int:
        """Minor units of a charge that the gateway has not given back."""
        back = sum(each.amount.minor_units for each in self.refunds if each.charge_id == charge.id)
        return charge.amount.minor_units - back


def broken_promises(found: Observations) -> list[str]:
    """Every promise that does not hold, in words; payments under review wait for a person."""
    return [
        *_charged_at_most_once(found),
        *_books_are_the_gateways(found),
        *_refunds_are_the_gateways(found),
        *_what_is_kept_is_what_is_left(found),
        *_announced_under_one_id(found),
        *_in_order_per_order(found),
        *_cancelled_keeps_nothing(found),
        *_acknowledged_is_kept(found),
        *_answers_stay_true(found),
        *_never_rounded(found),
        *_nobody_elses(found),
        *_nothing_leaks(found),
        *_everything_ended(found),
    ]


def _charged_at_most_once(found: Observations) -> Iterable[str]:
    payments = found.payments
    standing = defaultdict[str, list[str]](list)
    for charge in found.charges:
        payment = payments.get(charge.payment_id)
        if payment and payment.status is not PaymentStatus.REVIEW and found.kept(charge) > 0:
            standing[payment.order_id].append(charge.id)
    for order_id, charges in standing.items():
        if len(charges) > 1:
            yield f"1: order {order_id} is charged {len(charges)} times: {charges}"


def _books_are_the_gateways(found: Observations) -> Iterable[str]:
    payments, there = found.payments, {charge.payment_id: charge for charge in found.charges}
    if len(there) < len(found.charges):
        yield f"2: a payment has two charges: {sorted(each.id for each in found.charges)}"
    for charge in found.charges:
        payment = payments.get(charge.payment_id)
        if payment is None or not payment.is_captured:
            status = payment.status.value if payment else "unknown"
            yield f"2: charge {charge.id} stands, and payment {charge.payment_id} is {status}"
        elif payment.status is not PaymentStatus.REVIEW and (
            (payment.charge_id, payment.amount) != (charge.id, charge.amount)
        ):
            yield f"2: payment {payment.id} is {payment.amount}, charge {charge.id} {charge.amount}"
        elif (payment.charge_id, payment.captured_amount) != (charge.id, charge.amount):
            yield f"2: payment {payment.id} took {payment.captured_amount}, charge {charge.id} {charge.amount}"
        elif payment.status is PaymentStatus.REVERSED and found.kept(charge) > 0:
            yield f"2: unwanted charge {charge.id} is kept"
    for payment in payments.values():
        if payment.is_captured and payment.id not in there:
            yield f"2: payment {payment.id} is {payment.status.value} without a charge"


def _refunds_are_the_gateways(found: Observations) -> Iterable[str]:
    ours = {
        str(refund.id): refund
        for order in found.orders
        for refund in order.refunds
        if refund.status is RefundStatus.SUCCEEDED
    }
    there = [each for each in found.refunds if each.refund_id is not None]
    for given in there:
        refund = ours.get(given.refund_id or "")
        if refund is None or (refund.charge_id, refund.amount) != (given.charge_id, given.amount):
            yield f"2: the gateway gave {given.amount} back for {given.refund_id}, we: {refund}"
    if len({given.refund_id for given in there}) < len(there):
        yield f"2: a refund was given back twice: {there}"
    for charge in found.charges:
        if found.kept(charge) < 0:
            yield f"2: more than charge {charge.id} was given back"
    if found.hears_of_other_hands:
        back = defaultdict[str, int](int)
        for refund in ours.values():
            back[refund.charge_id] += refund.amount.minor_units
        for charge in found.charges:
            if charge.amount.minor_units - back[charge.id] != found.kept(charge):
                yield (
                    f"2: of charge {charge.id} the gateway keeps {found.kept(charge)}, "
                    f"we think {charge.amount.minor_units - back[charge.id]}"
                )
    externally = {each.charge_id for each in found.refunds if each.refund_id is None}
    for refund in ours.values():
        given_back = any(each.refund_id == refund.id for each in there)
        if not given_back and refund.charge_id not in externally:
            yield f"2: refund {refund.id} is nowhere at the gateway"


def _what_is_kept_is_what_is_left(found: Observations) -> Iterable[str]:
    back = defaultdict[str, int](int)
    for order in found.orders:
        for refund in order.refunds:
            if refund.status is RefundStatus.SUCCEEDED:
                back[refund.payment_id] += refund.amount.minor_units
    for charge in found.charges:
        payment = found.payments.get(charge.payment_id)
        if payment is None or payment.captured_amount is None:
            continue
        left = payment.captured_amount.minor_units - back[payment.id]
        if found.kept(charge) != left:
            yield f"2: {found.kept(charge)} of charge {charge.id} are kept, we say {left}"


def _announced_under_one_id(found: Observations) -> Iterable[str]:
    facts, bodies = defaultdict[str, set[object]](set), defaultdict[str, list[object]](list)
    for seen in found.seen:
        facts[seen.id].add((seen.subject, seen.order_id, seen.payment_id))
        if seen.body not in bodies[seen.id]:
            bodies[seen.id].append(seen.body)
    for event_id in facts:
        if len(facts[event_id]) > 1 or len(bodies[event_id]) > 1:
            yield f"3: {event_id} tells different things: {facts[event_id]} {bodies[event_id]}"
    created = defaultdict[str, set[str]](set)
    for seen in found.seen:
        if seen.subject == "payment:created":
            created[seen.payment_id].add(seen.id)
    for payment_id, ids in created.items():
        payment = found.payments.get(payment_id)
        if payment is None or payment.status is not PaymentStatus.SUCCEEDED:
            yield f"3: payment {payment_id} was announced and is {payment and payment.status.value}"
        if len(ids) > 1:
            yield f"3: payment {payment_id} was announced under {sorted(ids)}"
    for payment in found.payments.values():
        if payment.status is PaymentStatus.SUCCEEDED and payment.id not in created:
            yield f"3: payment {payment.id} succeeded and was never announced"
    refunded = {each.id for each in found.seen if each.subject == "payment:refunded"}
    for order in found.orders:
        for refund in order.refunds:
            told = f"payment:refunded:{refund.id}" in refunded
            if refund.status is RefundStatus.SUCCEEDED and not told:
                yield f"3: refund {refund.id} succeeded and was never announced"


def _in_order_per_order(found: Observations) -> Iterable[str]:
    first = dict[str, int]()
    for position, seen in enumerate(found.seen):
        first.setdefault(seen.id, position)
    for seen in found.seen:
        created = f"payment:created:{seen.payment_id}"
        if seen.subject == "payment:refunded" and first.get(created, -1) > first[seen.id]:
            yield f"3: {seen.id} was heard before {created}"


def _cancelled_keeps_nothing(found: Observations) -> Iterable[str]:
    for order in found.orders:
        ours = {each.id for each in order.payments}
        for charge in found.charges:
            if order.is_cancelled and charge.payment_id in ours and found.kept(charge) > 0:
                yield f"4: order {order.id} is cancelled and charge {charge.id} is kept"


def _acknowledged_is_kept(found: Observations) -> Iterable[str]:
    orders = {order.id: order.replica for order in found.orders}
    for event in found.acknowledged:
        order = orders.get(event.id)
        if order is None or order.merge(event) != order:
            yield f"5: {event} was acknowledged, the replica is {order}"
    if set(found.unreadable) != set(found.dead_letters):
        yield f"5: the dead letters are {found.dead_letters}, the unreadable {found.unreadable}"


def _answers_stay_true(found: Observations) -> Iterable[str]:
    charged = {charge.payment_id for charge in found.charges}
    for answer in found.answers:
        payment = found.payments.get(answer.payment_id)
        if answer.kind == "paid" and (
            payment is None or payment.status is not PaymentStatus.SUCCEEDED
        ):
            yield f"6: {answer.payment_id} was answered as paid, and is {payment}"
        if answer.kind in ("declined", "nothing done") and answer.payment_id in charged:
            yield f"6: {answer.payment_id} was answered as {answer.kind}, and is charged"


def _never_rounded(found: Observations) -> Iterable[str]:
    prices = defaultdict[str, set[Money]](set)
    for event in found.acknowledged:
        if event.terms is not None:
            prices[event.id].add(event.terms.price)
    for payment in found.payments.values():
        known = prices.get(payment.order_id)
        if known is not None and payment.amount not in known:
            yield f"7: payment {payment.id} asks for {payment.amount}, the order's prices are {known}"


def _nobody_elses(found: Observations) -> Iterable[str]:
    owners = defaultdict[str, set[str]](set)
    for event in found.acknowledged:
        if event.terms is not None:
            owners[event.id].add(event.terms.user_id)
    payments = found.payments
    for payment in payments.values():
        if payment.user_id not in owners.get(payment.order_id, (payment.user_id,)):
            yield f"8: {payment.user_id} pays somebody else's order {payment.order_id}"
    for answer in found.answers:
        told = payments.get(answer.payment_id)
        if told is not None and answer.user_id not in (None, told.user_id):
            yield f"8: {answer.user_id} was told of somebody else's payment {told.id}"


def _nothing_leaks(found: Observations) -> Iterable[str]:
    # Not their own repr, which is made to hide such things.
    kept = [repr([asdict(each) for each in them]) for them in (found.orders, found.seen)]
    for text in (*kept, *found.texts):
        if any(secret in text for secret in found.secrets):
            yield f"8: a secret is in {text[:40]!r}…"


def _everything_ended(found: Observations) -> Iterable[str]:
    for payment in found.payments.values():
        if payment.is_open:
            yield f"9: payment {payment.id} is still {payment.status.value}"
    if found.unsent:
        yield f"9: {found.unsent} events were never published"
    for order in found.orders:
        for refund in order.refunds:
            if refund.status is RefundStatus.PENDING:
                yield f"9: refund {refund.id} is still pending"
        live = [payment.id for payment in order.payments if payment.is_live]
        if len(live) > 1:
            yield f"1: order {order.id} has {len(live)} live payments"
