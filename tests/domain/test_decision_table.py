"""What every report, event and request changes in every state: the decisions as a table.

The table is in decision_table.txt, so that a changed rule shows what else it changes. After a
change of a rule: `python -m tests.domain.test_decision_table`, then read what is different.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from enum import Enum
from pathlib import Path
from textwrap import fill
from typing import Any, Final

from attrs import asdict

from domain.capture import CaptureMode
from domain.dispute import DisputeStatus
from domain.errors import DomainError
from domain.identifiers import ChargeId, DisputeId, PaymentId, RefundId
from domain.order import Order
from domain.order_reviews import ReviewDecision
from domain.outcome import Evidence, NeverArrived, NeverSent, Refused
from domain.refund import Refunded, RefundFailed, RefundPending, ReportedRefund
from domain.replica import Shipment, Terms
from tests.builders import (
    NOW,
    PAYMENT,
    PRICE,
    a_payment,
    after,
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

MORE_STATES: Final[Mapping[str, tuple[Order, datetime]]] = {
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
    "declined": declined(),
    "refused": Refused("account_closed", "The account is closed.", "pi_payment-1"),
    "must act": requires_action(),
    "approved": approved(),
    "pending": pending(),
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


def adopt(order: Order, now: datetime) -> Order:
    return order.adopt(a_payment("lost", created_at=NOW), charged("lost"), now)


CHANGES: Final[Mapping[str, Change]] = {
    **{name: report(evidence) for name, evidence in REPORTS.items()},
    "a lost payment is found": adopt,
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


def table() -> Iterator[str]:
    for name, change in CHANGES.items():
        yield f"\n# {name}"
        same = dict[str, list[str]]()
        for state, (order, now) in {**EXPLAINED, **MORE_STATES}.items():
            same.setdefault(result_of(change, order, now), []).append(state)
        most = max(same.values(), key=len)
        for result, states in sorted(same.items(), key=lambda each: each[1] is most):
            names = "all others" if states is most else " | ".join(states)
            for text, indent in ((f"{names}:", 0), (result, 4)):
                yield fill(
                    text,
                    98,
                    initial_indent=" " * indent,
                    subsequent_indent=" " * (indent + 2),
                    break_on_hyphens=False,
                )


def text() -> str:
    return "\n".join(table()).lstrip() + "\n"


def test_every_decision_is_as_in_the_table() -> None:
    assert text() == FILE.read_text("utf-8")


if __name__ == "__main__":
    FILE.write_text(text(), "utf-8")
