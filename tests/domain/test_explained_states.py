"""The whole explanation of everything in each of its states, as a person reads it."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from attrs import evolve

from domain.capture import CaptureMode
from domain.dispute import Dispute, DisputeStatus
from domain.explain_order import explain_order
from domain.explain_payment import explain_payment
from domain.explain_refund import explain_dispute, explain_refund
from domain.explanation import Explanation, Fact, time_text
from domain.identifiers import ChargeId, DisputeId, PaymentId, RefundId
from domain.order import Order
from domain.outcome import NeverArrived, NeverSent
from domain.payment_status import PaymentStatus
from domain.refund import Refund, RefundStatus
from domain.refund_rules import EXTERNAL_REFUND
from tests.builders import (
    NOW,
    ORDER,
    PAYMENT,
    PRICE,
    a_payment,
    a_refund,
    after,
    an_order,
    authorized,
    cancelled_event,
    charged,
    claimed,
    created_event,
    declined,
    dollars,
    pending,
    requires_action,
    shipped_event,
    start_payment,
)

HELD: Final = claimed(replica=created_event(capture=CaptureMode.MANUAL)).settle(
    PAYMENT, authorized(), NOW
)
PAID: Final = claimed().settle(PAYMENT, charged(), NOW)
ABANDONED: Final = claimed().settle(PAYMENT, NeverArrived(), after(seconds=30))
REVIEWED: Final = claimed().settle(PAYMENT, charged(amount=dollars("99")), NOW)

DISPUTE: Final = Dispute(
    *(DisputeId("dp_1"), PAYMENT, ORDER, ChargeId("ch_payment-1")),
    *(PRICE, "fraudulent", DisputeStatus.OPEN),
)

STATES: Final[Mapping[str, tuple[Order, datetime]]] = {
    "processing": (claimed(), after(seconds=6)),
    "processing, and no request is in flight": (claimed(), after(seconds=40)),
    "requires action": (claimed().settle(PAYMENT, requires_action(), NOW), after(minutes=1)),
    "requires action, expires": (
        claimed(replica=created_event(expires_at=after(minutes=9))).settle(
            PAYMENT, requires_action(), NOW
        ),
        after(minutes=1),
    ),
    "pending": (claimed().settle(PAYMENT, pending(), NOW), after(days=1)),
    "pending, expires": (
        claimed(replica=created_event(expires_at=after(days=5))).settle(PAYMENT, pending(), NOW),
        after(days=1),
    ),
    "pending, to be cancelled": (
        claimed().settle(PAYMENT, pending(), NOW).apply(cancelled_event(), NOW),
        after(minutes=1),
    ),
    "authorized": (HELD, after(days=1)),
    "authorized, being captured": (
        HELD.request_capture(PAYMENT, 300, after(hours=1)),
        after(hours=2),
    ),
    "authorized, being released": (HELD.apply(cancelled_event(), NOW), after(minutes=1)),
    "succeeded": (PAID, after(days=1)),
    "failed": (claimed().settle(PAYMENT, declined(), NOW), after(minutes=1)),
    "failed, of an order that has ended": (
        claimed().settle(PAYMENT, declined(), NOW).apply(cancelled_event(), NOW),
        after(minutes=1),
    ),
    "failed, with money held": (
        claimed().settle(PAYMENT, declined(), NOW).settle(PAYMENT, authorized(), NOW),
        after(minutes=1),
    ),
    "cancelled, with money held": (
        claimed()
        .settle(PAYMENT, pending(), NOW)
        .request_cancellation(PAYMENT, NOW)
        .settle(PAYMENT, declined(), NOW)
        .settle(PAYMENT, authorized(), NOW),
        after(minutes=1),
    ),
    "abandoned": (ABANDONED, after(minutes=1)),
    "abandoned, known": (ABANDONED.settle(PAYMENT, requires_action(), NOW), after(minutes=1)),
    "abandoned, not checked any more": (
        ABANDONED.settle(PAYMENT, NeverArrived(), after(days=2)),
        after(days=2),
    ),
    "never sent": (claimed().settle(PAYMENT, NeverSent(), NOW), after(minutes=1)),
    "given back": (PAID.apply(cancelled_event(), NOW), after(minutes=1)),
    "reversed, and nothing gives it back": (
        an_order(
            a_payment(status=PaymentStatus.REVERSED),
            refunds=(a_refund(status=RefundStatus.FAILED),),
        ),
        after(minutes=1),
    ),
    "reversed and given back": (
        an_order(
            a_payment(status=PaymentStatus.REVERSED),
            refunds=(a_refund(status=RefundStatus.SUCCEEDED),),
        ),
        after(minutes=1),
    ),
    "captured by an operator": (
        HELD.request_capture(PAYMENT, 300, NOW).settle(PAYMENT, charged(amount=dollars("3")), NOW),
        after(minutes=1),
    ),
    "reversed, captured before its release": (
        HELD.request_capture(PAYMENT, 300, NOW)
        .apply(cancelled_event(), NOW)
        .settle(PAYMENT, charged(amount=dollars("3")), NOW),
        after(minutes=1),
    ),
    "in review": (REVIEWED, after(minutes=1)),
    "in review, and given back": (
        an_order(
            a_payment(status=PaymentStatus.REVIEW),
            refunds=(a_refund(status=RefundStatus.SUCCEEDED),),
        ),
        after(minutes=1),
    ),
    "beside another one that was refunded and disputed": (
        evolve(
            an_order(
                a_payment(status=PaymentStatus.SUCCEEDED),
                a_payment("other", status=PaymentStatus.REVERSED),
                refunds=(a_refund(payment_id="other"),),
            ),
            disputes=(evolve(DISPUTE, payment_id=PaymentId("other")),),
        ),
        after(minutes=1),
    ),
}

ORDERS: Final[Mapping[str, Order]] = {
    "only shipped": Order(shipped_event()),
    "unpaid": an_order(),
    "unpaid, with an expiry": an_order(replica=created_event(expires_at=after(hours=1))),
    "expired": an_order(replica=created_event(expires_at=after(seconds=1))),
    "being paid": claimed(),
    "paid after a decline": start_payment(claimed().settle(PAYMENT, declined(), NOW), "second"),
    "complete": PAID,
    "complete and shipped": PAID.apply(shipped_event(), NOW),
    "cancelled": an_order().apply(cancelled_event(), NOW),
    "cancelled, to be given back": PAID.apply(cancelled_event(), NOW),
    "costs nothing": an_order(replica=created_event(price=dollars("0"))),
    "of two payments, both are to be given back": an_order(
        a_payment("first", PaymentStatus.REVERSED),
        a_payment("second", PaymentStatus.REVERSED, created_at=after(seconds=1)),
        replica=cancelled_event(),
        refunds=(a_refund("r1", payment_id="first"), a_refund("r2", payment_id="second")),
    ),
    "of two payments, the older one is to be given back": an_order(
        a_payment("first", PaymentStatus.REVERSED),
        a_payment("second", PaymentStatus.FAILED, created_at=after(seconds=1)),
        replica=cancelled_event(),
        refunds=(a_refund("r1", payment_id="first"),),
    ),
    "of two payments, the older one prevents others": an_order(
        a_payment("first", PaymentStatus.PENDING),
        a_payment("second", PaymentStatus.REVERSED, created_at=after(seconds=1)),
        refunds=(a_refund("r2", payment_id="second"),),
    ),
}

CAPTURED: Final = a_payment(status=PaymentStatus.SUCCEEDED)
REFUND: Final = a_refund(amount=dollars("40"))

REFUNDS: Final[Mapping[str, Refund]] = {
    "not accepted yet": REFUND,
    "accepted": evolve(REFUND, reference="re_1"),
    "automatic": evolve(REFUND, automatic=True),
    "external": evolve(REFUND, id=RefundId("re_1"), reference="re_1", reason=EXTERNAL_REFUND),
    "succeeded": evolve(REFUND, status=RefundStatus.SUCCEEDED, next_check_at=None),
    "failed": evolve(REFUND, status=RefundStatus.FAILED, next_check_at=None, code="no_account"),
    "failed, and nothing is left": a_refund(status=RefundStatus.FAILED),
}

FILE: Final = Path(__file__).with_name("explained_states.txt")


def lines(name: str, explanation: Explanation) -> Iterator[str]:
    yield f"# {name}"
    yield explanation.status
    for fact in explanation.evidence:
        at = time_text(fact.at) if fact.at else fact.path
        yield f"  {fact.what}"
        yield f"    said by {fact.source}: {at}"
    if explanation.wait is not None:
        until = explanation.wait.until
        yield f"  + {explanation.wait.what}"
        yield f"    until {time_text(until) if until else 'it happens'}"
        yield from (f"    {each}" for each in explanation.wait.ends_with)
    yield from (f"  {each.who.value}: {each.command}" for each in explanation.actions)


def explanations() -> Iterator[tuple[str, Explanation]]:
    for name, (order, now) in STATES.items():
        yield f"payment: {name}", explain_payment(order, PAYMENT, now)
    for name, order in ORDERS.items():
        yield f"order: {name}", explain_order(order, after(minutes=1))
    for name, refund in REFUNDS.items():
        others = [a_refund("other", status=RefundStatus.SUCCEEDED)] if "nothing" in name else []
        order = an_order(CAPTURED, refunds=(refund, *others))
        yield f"refund: {name}", explain_refund(order, refund)
    yield "payment: refunded", explain_payment(order, PAYMENT, NOW)
    for status in DisputeStatus:
        yield f"dispute: {status.value}", explain_dispute(evolve(DISPUTE, status=status))
    yield "payment: disputed", explain_payment(evolve(PAID, disputes=(DISPUTE,)), PAYMENT, NOW)


def text() -> str:
    texts = ("\n".join(lines(name, each)) for name, each in explanations())
    return "\n\n".join(texts) + "\n"


def test_a_fact_takes_its_time_from_the_history_unless_it_has_one() -> None:
    facts = [Fact("told", "gateway", path="payment.p1.code"), Fact("claimed", "customer", NOW)]
    times = {"payment.p1.code": after(hours=1)}
    untold = Fact("other", "rules", path="payment.p1.reference")
    dated = Explanation("failed", (*facts, untold)).dated(times).evidence
    assert dated == (evolve(facts[0], at=after(hours=1)), facts[1], untold)


def test_a_fact_has_its_time_or_the_path_of_its_change() -> None:
    facts = [fact for _, each in explanations() for fact in each.evidence]
    assert all((each.at is None) != (each.path is None) for each in facts)


def test_every_state_is_explained_as_in_the_file() -> None:
    assert text() == FILE.read_text("utf-8")


if __name__ == "__main__":  # after a change of the texts
    FILE.write_text(text(), "utf-8")
