"""Trace: a line for each thing that happens in a run."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from attrs import define, field

from application.ports.gateway_notifications import (
    DisputeNotification,
    ExternalRefundNotification,
    Notification,
    PaymentNotification,
    RefundNotification,
    SessionNotification,
)
from domain.identifiers import OrderId
from domain.order import Order
from payments_kit.simulation.activities import Activity


class Line(NamedTuple):
    """One thing that happened; a tuple, because a run has hundreds."""

    at: float
    """Virtual seconds since the run began."""
    who: str
    what: str

    def __str__(self) -> str:
        return f"{self.at:11.3f}  {self.who:<14}  {self.what}"


@define
class Trace:
    """All lines of a run, in order."""

    time: Callable[[], float]
    lines: list[Line] = field(factory=list)
    activities: Counter[Activity] = field(factory=Counter)

    def count(self, activity: Activity) -> None:
        """Count what an actor does, for the tables of a report."""
        self.activities[activity] += 1

    def record(self, who: str, what: str) -> None:
        """Add a line."""
        self.lines.append(Line(self.time(), who, what))


def digest_of(lines: Iterable[Line]) -> str:
    """Return a digest of a run's lines; equal runs have equal digests."""
    return hashlib.sha256("\n".join(map(str, lines)).encode()).hexdigest()[:16]


def changes(order_id: OrderId, before: Order | None, after: Order) -> Iterator[str]:
    """Describe what a commit changed in an order."""
    if before is None or before.replica.status is not after.replica.status:
        yield f"order {order_id} is {after.replica.status.value} (version {after.replica.version})"
    elif before.replica != after.replica:
        yield f"order {order_id} has new terms (version {after.replica.version})"
    payments = {payment.id: payment for payment in before.payments} if before else {}
    for payment in after.payments:
        old = payments.get(payment.id)
        if old is None or old.status is not payment.status:
            was = f"{old.status.value} → " if old else "claims the order: "
            why = f" ({payment.code})" if payment.code else ""
            yield f"payment {payment.id} of order {order_id}: {was}{payment.status.value}{why}"
    refunds = {refund.id: refund for refund in before.refunds} if before else {}
    for refund in after.refunds:
        earlier = refunds.get(refund.id)
        if earlier is None or earlier.status is not refund.status:
            was = f"{earlier.status.value} → " if earlier else f"reserved ({refund.reason}): "
            yield f"refund {refund.id} of {refund.amount}: {was}{refund.status.value}"


def describe(notification: Notification) -> str:
    """Describe a notification of the gateway."""
    prefix = f"notification {notification.id}:"
    match notification:
        case PaymentNotification(_, payment_id, outcome):
            what = type(outcome).__name__ if outcome else "no outcome"
            return f"{prefix} payment {payment_id} {what}"
        case RefundNotification(_, _, _, reported):
            return f"{prefix} refund {reported.refund_id} {type(reported.outcome).__name__}"
        case SessionNotification(_, order_id, reference):
            return f"{prefix} {reference} of order {order_id} is approved"
        case ExternalRefundNotification(_, charge_id, reported):
            return f"{prefix} external refund of {reported.amount} of {charge_id}"
        case DisputeNotification(_, charge_id, dispute_id, status=status):
            return f"{prefix} dispute {dispute_id} of {charge_id} is {status.value}"
        case _:
            return prefix
