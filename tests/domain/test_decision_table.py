"""What every report, event and request changes in every state, and what is true of each state.

The table is in decision_table.txt, so that a changed rule shows what else it changes. After a
change of a rule: `python -m tests.domain.test_decision_table`, then read what is different.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from textwrap import fill
from typing import Any, Final

from attrs import asdict, evolve

from domain.capture import CaptureMode
from domain.dispute import DisputeStatus
from domain.errors import DomainError
from domain.identifiers import ChargeId, DisputeId, PaymentId, RefundId
from domain.order import Order
from domain.order_reviews import ReviewDecision
from domain.outcome import Authorized, Evidence, NeverArrived, NeverSent, Refused
from domain.payment import Payment
from domain.payment_status import NOT_SENT, PaymentStatus
from domain.refund import Refunded, RefundFailed, RefundPending, ReportedRefund
from domain.replica import Shipment, Terms
from tests.builders import (
    NOW,
    PAYMENT,
    PRICE,
    UNTIL,
    a_payment,
    after,
    an_order,
    approved,
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
from tests.domain.test_explained_states import STATES as EXPLAINED

Change = Callable[[Order, datetime], Order]

SECOND: Final = PaymentId("second")
CHARGE: Final = ChargeId("ch_payment-1")


SHIPPED: Final = claimed(replica=created_event(capture=CaptureMode.MANUAL)).apply(
    shipped_event(minor_units=700), NOW
)
HELD, PAID, FAILED = (EXPLAINED[each][0] for each in ("authorized", "succeeded", "failed"))
WAITING: Final = EXPLAINED["requires action"][0]
SHIPPED_HELD: Final = HELD.apply(shipped_event(minor_units=400), after(minutes=1))

MORE_STATES: Final[Mapping[str, tuple[Order, datetime]]] = {
    "just claimed": (claimed(), after(seconds=1)),
    "shipped before it is authorized": (SHIPPED, after(seconds=6)),
    "failed, and another payment is live": (
        start_payment(FAILED, SECOND).settle(SECOND, requires_action(SECOND), NOW),
        after(minutes=1),
    ),
    "authorized, a capture is sent": (
        HELD.request_capture(PAYMENT, 300, after(minutes=1)).apply(
            shipped_event(minor_units=400), after(minutes=1)
        ),
        after(minutes=2),
    ),
    "authorized, a capture is not sent yet": (
        SHIPPED_HELD,
        after(minutes=1),
    ),
    "authorized, a capture has failed": (
        SHIPPED_HELD.fail_capture(SHIPPED_HELD.payment(PAYMENT), after(minutes=2)),
        after(minutes=3),
    ),
    "authorized, runs out soon": (HELD, UNTIL - timedelta(hours=1)),
    "authorized, has run out and is being released": (
        HELD.with_payment(HELD.payment(PAYMENT).expire(UNTIL)),
        UNTIL + timedelta(seconds=5),
    ),
    "authorized, released by an operator": (HELD.void(PAYMENT, "no stock", NOW), after(minutes=1)),
    "authorized, has run out": (HELD, after(days=8)),
    "cancelled by its customer": (
        EXPLAINED["pending"][0].request_cancellation(PAYMENT, after(minutes=1)),
        after(minutes=2),
    ),
    "cancelled": (
        EXPLAINED["pending"][0].request_cancellation(PAYMENT, NOW).settle(PAYMENT, declined(), NOW),
        after(minutes=2),
    ),
    "partly refunded": (
        PAID.reserve_refund(RefundId("r1"), PAYMENT, 4000, "damaged", after(minutes=1)),
        after(minutes=2),
    ),
    "failed, and another payment has succeeded": (
        start_payment(FAILED, SECOND).settle(SECOND, charged(SECOND), NOW),
        after(minutes=1),
    ),
    "authorized, has run out and is released": (
        HELD.settle(PAYMENT, declined(), after(days=8)),
        after(days=8),
    ),
    "failed, with a code like one of ours": (
        claimed().settle(PAYMENT, declined(code=NOT_SENT), NOW),
        after(minutes=1),
    ),
    "requires action, and the order is cancelled": (
        WAITING.apply(cancelled_event(), NOW),
        after(minutes=1),
    ),
    "requires action, the order has expired, and a check runs": (
        WAITING.apply(created_event(version=1, expires_at=after(minutes=5)), NOW).with_payment(
            WAITING.payment(PAYMENT).schedule_check(after(minutes=6))
        ),
        after(minutes=6),
    ),
    "requires action, and its time is over": (WAITING, after(hours=1)),
    "an older payment is live": (
        an_order(
            a_payment(status=PaymentStatus.PENDING, next_check_at=after(hours=1)),
            a_payment(SECOND, PaymentStatus.REVERSED, created_at=after(seconds=1)),
        ),
        after(minutes=1),
    ),
    "in review, and the order is cancelled": (
        EXPLAINED["in review"][0].apply(cancelled_event(), NOW),
        after(minutes=1),
    ),
}

REPORTS: Final[Mapping[str, Evidence]] = {
    "charged": charged(),
    "charged a part": charged(amount=dollars("3")),
    "charged more": charged(amount=dollars("101")),
    "charged live": charged(livemode=True),
    "charged another time": charged(SECOND),
    "held": authorized(),
    "held live": authorized(livemode=True),
    "held another time": authorized(SECOND),
    "declined": declined(),
    "declined another time": declined(SECOND),
    "refused": Refused("account_closed", "The account is closed.", "pi_payment-1"),
    "must act": requires_action(),
    "must act another time": requires_action(SECOND),
    "approved": approved(),
    "approved another time": approved(SECOND),
    "pending": pending(),
    "pending another time": pending(SECOND),
    "pending, cannot be cancelled": pending(cannot_be_cancelled=True),
    "never arrived": NeverArrived(),
    "never sent": NeverSent(),
}


def report(evidence: Evidence) -> Change:
    return lambda order, now: order.settle(PAYMENT, evidence, now)


def external(outcome: Refunded | RefundPending | RefundFailed) -> Change:
    reported = ReportedRefund("re_9", dollars("30"), outcome)
    return lambda order, now: order.record_refunds(CHARGE, [reported], now)


def dispute(status: DisputeStatus) -> Change:
    return lambda order, _: order.record_dispute(
        DisputeId("dp_1"), CHARGE, PRICE, "fraudulent", status
    )


def adopt(evidence: Evidence, payment_id: str = "lost") -> Change:
    """Return the adoption of a payment that was made a minute ago."""

    def change(order: Order, now: datetime) -> Order:
        found = evidence
        if isinstance(found, Authorized):
            found = evolve(found, until=now + timedelta(days=7))
        made_at = now - timedelta(minutes=1)
        return order.adopt(a_payment(payment_id, created_at=made_at), found, now)

    return change


ADOPTED: Final[Mapping[str, Change]] = {
    "charged": adopt(charged("lost")),
    "held": adopt(authorized("lost")),
    "must act": adopt(requires_action("lost")),
    "approved": adopt(approved("lost")),
    "pending": adopt(pending("lost")),
    "declined": adopt(declined("lost")),
    "charged, with a charge that is known": adopt(charged()),
    "held, with a charge that is known": adopt(authorized()),
}


CHANGES: Final[Mapping[str, Change]] = {
    **{name: report(evidence) for name, evidence in REPORTS.items()},
    **{f"a lost payment is found: {name}": change for name, change in ADOPTED.items()},
    "it is found as if it were lost: charged": adopt(charged(), PAYMENT),
    "it is found as if it were lost: declined": adopt(declined(), PAYMENT),
    "order cancelled": lambda order, now: order.apply(cancelled_event(version=9), now),
    "order shipped": lambda order, now: order.apply(shipped_event(version=9), now),
    "order shipped in part": lambda order, now: order.apply(shipped_event("order-1", 9, 400), now),
    "order expires": lambda order, now: order.apply(created_event(version=9, expires_at=now), now),
    "the customer cancels": lambda order, now: order.request_cancellation(PAYMENT, now),
    "the customer pays again": lambda order, now: start_payment(order, "third", now),
    "an operator captures": lambda order, now: order.request_capture(PAYMENT, None, now),
    "an operator captures a part": lambda order, now: order.request_capture(PAYMENT, 300, now),
    "an operator voids": lambda order, now: order.void(PAYMENT, "no stock", now),
    "the capture fails": lambda order, now: order.fail_capture(order.payment(PAYMENT), now),
    "an operator accepts": lambda order, now: order.decide_review(
        PAYMENT, ReviewDecision.ACCEPT, now
    ),
    "an operator refuses": lambda order, now: order.decide_review(
        PAYMENT, ReviewDecision.REFUND, now
    ),
    "an operator refunds": lambda order, now: order.reserve_refund(
        RefundId("r2"), PAYMENT, None, "damaged", now
    ),
    "an operator refunds a part": lambda order, now: order.reserve_refund(
        RefundId("r2"), PAYMENT, 100, "damaged", now
    ),
    "the refund succeeds": lambda order, now: order.settle_refund(
        RefundId("r1"), Refunded("re_1", dollars("40")), now
    ),
    "the refund fails": lambda order, now: order.settle_refund(
        RefundId("r1"), RefundFailed("no_account"), now
    ),
    "a refund of others": external(Refunded("re_9", dollars("30"))),
    "a pending refund of others": external(RefundPending("re_9")),
    "a failed refund of others": external(RefundFailed("no_account", "re_9")),
    "disputed": dispute(DisputeStatus.OPEN),
    "checked": lambda order, now: order.with_payment(
        order.schedule_check(order.payment(PAYMENT), now)
    ),
}

FACTS: Final[Mapping[str, Callable[[Order, Payment, datetime], bool]]] = {
    "it blocks other payments": lambda order, payment, _: order.blocks(payment),
    "it is live": lambda _, payment, __: payment.is_live,
    "it is open": lambda _, payment, __: payment.is_open,
    "it is captured": lambda _, payment, __: payment.is_captured,
    "it has failed": lambda _, payment, __: payment.has_failed,
    "it waits for a capture": lambda _, payment, __: payment.waits_for_capture,
    "a capture of it is not sent": lambda _, payment, __: payment.is_capture_unsent,
    "it is being cancelled": lambda _, payment, __: payment.is_being_cancelled,
    "it is being released": lambda _, payment, __: payment.is_being_released,
    "it has run out": lambda _, payment, __: payment.has_run_out,
    "it is voided": lambda _, payment, __: payment.is_voided,
    "money of it is held in vain": lambda _, payment, __: payment.has_stray_hold,
    "the gateway knows it": lambda _, payment, __: payment.is_known_at_gateway,
    "it should be cancelled": lambda order, payment, now: order.should_cancel(payment, now),
    "it may be sent": lambda _, payment, now: payment.may_be_sent(now),
    "it may have arrived": lambda _, payment, now: payment.may_have_arrived(now),
    "a check of it is due": lambda _, payment, now: payment.is_check_due(now),
    "it runs out soon": lambda _, payment, now: payment.is_running_out(now),
}

# What new entities take over from others, which no rule decides.
UNCHANGED: Final = ("id", "order_id", "user_id", "gateway", "livemode")

FILE: Final = Path(__file__).with_name("decision_table.txt")


def shown(value: Any, now: datetime) -> str:
    match value:
        case datetime():
            seconds = (value - now).total_seconds()
            return f"now {seconds:+.0f}s" if seconds else "now"
        case Enum():
            return str(value.value)
        case Terms() | Shipment():
            return f"version {value.version}"
        case _:
            return str(value)


def fields(order: Order, now: datetime) -> dict[str, str]:
    """Return the fields of an order by their paths; those of its first payment by their names."""
    entities: dict[str, Any] = {"order": order.replica}
    for kind in ("payments", "refunds", "disputes"):
        entities |= {each.id: each for each in getattr(order, kind)}
    return {
        f"{name}.{key}".removeprefix(f"{PAYMENT}."): shown(value, now)
        for name, entity in entities.items()
        for key, value in asdict(entity, recurse=False).items()
    }


def changed(before: Order, after: Order, now: datetime) -> str:
    old, new = fields(before, now), fields(after, now)
    known = {path.split(".")[0] for path in old}
    return "; ".join(
        f"{path} = {value}"
        for path, value in new.items()
        if value != old.get(path)
        and (path.split(".")[0] in known or value not in ("None", "False", "0"))
        and path.split(".")[-1] not in UNCHANGED
    )


def result_of(change: Change, order: Order, now: datetime) -> str:
    try:
        return changed(order, change(order, now), now) or "nothing changes"
    except DomainError as error:
        return f"error {type(error).__name__}"


def folded(text: str, indent: int = 0) -> str:
    before, following = " " * indent, " " * (indent + 2)
    return fill(
        text, 98, initial_indent=before, subsequent_indent=following, break_on_hyphens=False
    )


def table() -> Iterator[str]:
    states = {**EXPLAINED, **MORE_STATES}
    for name, change in CHANGES.items():
        yield f"\n# {name}"
        same = dict[str, list[str]]()
        for state, (order, now) in states.items():
            same.setdefault(result_of(change, order, now), []).append(state)
        most = max(same.values(), key=len)
        for result, alike in sorted(same.items(), key=lambda each: each[1] is most):
            yield folded("all others:" if alike is most else f"{' | '.join(alike)}:")
            yield folded(result, 4)
    for name, is_true in FACTS.items():
        yield f"\n# {name}"
        found = [
            state
            for state, (order, now) in states.items()
            if is_true(order, order.payment(PAYMENT), now)
        ]
        yield folded(" | ".join(found) or "in none")


def text() -> str:
    return "\n".join(table()).lstrip() + "\n"


def test_every_decision_is_as_in_the_table() -> None:
    assert text() == FILE.read_text("utf-8")


if __name__ == "__main__":
    FILE.write_text(text(), "utf-8")
