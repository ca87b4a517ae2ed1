"""Trace: who did what when, in the words of the domain."""

import hashlib
from collections.abc import Callable, Iterable, Iterator

from attrs import define, field, frozen

from domain.identifiers import OrderId
from domain.order import Order


@frozen
class Line:
    """One thing that somebody did."""

    at: float
    """Virtual seconds since the run began."""
    who: str
    what: str

    def __str__(self) -> str:
        return f"{self.at:11.3f}  {self.who:<14}  {self.what}"


@define
class Trace:
    """Everything that was told, in order."""

    time: Callable[[], float]
    lines: list[Line] = field(factory=list)

    def tell(self, who: str, what: str) -> None:
        """Write down what somebody did."""
        self.lines.append(Line(self.time(), who, what))


def digest_of(lines: Iterable[Line]) -> str:
    """A name for a course of events: equal ones have the same."""
    return hashlib.sha256("\n".join(map(str, lines)).encode()).hexdigest()[:16]


def changes(order_id: OrderId, before: Order | None, after: Order) -> Iterator[str]:
    """What a commit changed on a bill, in words."""
    if before is None or before.replica.status is not after.replica.status:
        yield f"order {order_id} is {after.replica.status.value} (version {after.replica.version})"
    elif before.replica != after.replica:
        yield f"order {order_id} has new terms (version {after.replica.version})"
    earlier = {payment.id: payment for payment in before.payments} if before else {}
    for payment in after.payments:
        old = earlier.get(payment.id)
        if old is None or old.status is not payment.status:
            was = f"{old.status.value} → " if old else "claims the order: "
            why = f" ({payment.code})" if payment.code else ""
            yield f"payment {payment.id} of order {order_id}: {was}{payment.status.value}{why}"
    known = {refund.id: refund for refund in before.refunds} if before else {}
    for refund in after.refunds:
        then = known.get(refund.id)
        if then is None or then.status is not refund.status:
            was = f"{then.status.value} → " if then else f"reserved ({refund.reason}): "
            yield f"refund {refund.id} of {refund.amount}: {was}{refund.status.value}"
