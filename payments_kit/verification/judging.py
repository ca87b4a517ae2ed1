"""Judge some orders: their histories entry by entry, and everything about them together."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Final

from attrs import define, field, frozen

from domain.audit_file import BrokenLine, VerifiedFile, verify
from payments_kit.simulation.model.histories import every_change_is_recorded
from payments_kit.simulation.model.promises import broken_promises
from payments_kit.simulation.model.records import BookedOrder, History
from payments_kit.simulation.model.steps import broken_by_commit, broken_in_order
from payments_kit.verification.books import Step, Unreadable
from payments_kit.verification.evidence import history_of
from payments_kit.verification.findings import BrokenPromise, NotJudged, broken_promise
from payments_kit.verification.lines import Header
from payments_kit.verification.promises import EVENTS, HISTORIES
from payments_kit.verification.records import OrderRecords
from payments_kit.verification.steps import Steps

MARGIN: Final = timedelta(minutes=1)
"""What happened so soon after the beginning of a period may have begun before it."""

SETTLING: Final = timedelta(minutes=10)
"""What happened so shortly before the end of a period may continue after it: the longest call to a
gateway, the recovery after it, and the events take less than two minutes, and a restart more."""

PATIENCE: Final = timedelta(days=30)
"""For so long an order may be unfinished: refunds and debits of banks take up to two weeks."""

LATE_EVENT: Final = timedelta(days=1)
"""How long an event of the orders service may wait for us, as while the worker is stopped."""

_KNOWN: Final = frozenset(
    {
        *("processing", "requires_action", "pending", "authorized", "succeeded", "failed"),
        *("cancelled", "abandoned", "reversed", "review"),
    }
)
_KNOWN_OF_ORDERS: Final = frozenset({"created", "complete", "cancelled"})
_KNOWN_OF_REFUNDS: Final = frozenset({"pending", "succeeded", "failed"})
_KNOWN_OF_CHARGES: Final = frozenset({"captured", "held", "pending", "failed"})
_KNOWN_OF_DISPUTES: Final = frozenset({"open", "prevented", "lost", "won"})
_OPEN: Final = frozenset({"processing", "requires_action", "pending"})


@define
class Verdict:
    """What was found about some orders."""

    broken: list[BrokenPromise] = field(factory=list)
    not_judged: NotJudged | None = None
    verified: list[VerifiedFile] = field(factory=list)
    """Their histories that are intact."""


@frozen
class Judge:
    """Judges orders of one file."""

    header: Header
    has_lost_transactions: bool = False

    def __call__(self, orders: Sequence[str], found: OrderRecords) -> Verdict:
        """Judge some orders, mostly one; those that share a payment or a charge are together.

        Raises:
            Unreadable: a history is not as an export writes it.
        """
        verdict = Verdict()
        for order in orders:
            verdict.broken += _chain_of(order, found, verdict)
        is_broken = {each.order for each in verdict.broken}
        try:
            steps = Steps(dict(found.steps()))
        except Unreadable:
            if not is_broken:
                raise
            # A line is missing or was changed, so that nothing can be built of the others.
            verdict.not_judged = NotJudged.BROKEN_HISTORY
            return verdict
        for order in orders:
            if order not in is_broken:
                verdict.broken += _history_of(order, found, steps)
        if not _knows_all(steps, found):
            verdict.not_judged = NotJudged.UNKNOWN_VALUE
            return verdict
        violations = dict[str, tuple[str, int | None]]()
        for order, each in steps.by_order.items():
            for step, violation in _broken_steps(each):
                violations.setdefault(violation, (order, step.entry.number))
        verdict.not_judged = self._why_not(found, steps)
        if verdict.not_judged is None:
            for violation in self._broken(found, steps):
                violations.setdefault(violation, (orders[0], None))
        payments = [payment.id for payment in steps.payments]
        verdict.broken += [
            broken_promise(violation, order, payments, found.listed, at)
            for violation, (order, at) in violations.items()
        ]
        return verdict

    def _broken(self, found: OrderRecords, steps: Steps) -> Iterator[str]:
        """Yield what the specification reports, as far as the file can prove it."""
        lost = self.has_lost_transactions
        history = history_of(found, steps, self.header, has_lost_transactions=lost)
        for violation in broken_promises(history):
            if EVENTS in self.header.includes or not violation.startswith("3:"):
                yield violation

    def _why_not(self, found: OrderRecords, steps: Steps) -> NotJudged | None:
        """Return why the orders cannot be judged as a whole, if so."""
        if HISTORIES not in self.header.includes:
            return NotJudged.NO_HISTORY
        if found.waiting:
            return NotJudged.EVENT_WAITING
        if self._is_of_other_mode(steps):
            return NotJudged.OTHER_MODE
        if self._began_before(found, steps):
            return NotJudged.BEGAN_BEFORE
        used = {payment.gateway for payment in steps.payments}
        used |= {line.gateway for line in found.charges}
        delays = [each.delay_seconds for each in self.header.gateways if each.name in used]
        settled = self.header.until - SETTLING - timedelta(seconds=max(delays, default=0))
        if any(at >= settled for at in found.times):
            return NotJudged.CHANGED_AFTER
        newest = max(found.times, default=self.header.since)
        is_open = any(map(_is_open, steps.orders))
        if is_open and newest > self.header.until - PATIENCE:
            return NotJudged.IN_PROGRESS
        return None

    def _is_of_other_mode(self, steps: Steps) -> bool:
        modes = {each.name: each.livemode for each in self.header.gateways}
        gateways = {payment.id: payment.gateway for payment in steps.payments}
        for step in steps:
            for path, (_, after) in step.entry.change.items():
                if path.startswith("payment.") and path.endswith(".livemode"):
                    payment_id = path.removeprefix("payment.").removesuffix(".livemode")
                    asked = modes.get(gateways.get(payment_id) or "")
                    if asked is not None and after != asked:
                        return True
        return False

    def _began_before(self, found: OrderRecords, steps: Steps) -> bool:
        since = self.header.since
        if any(at < since + MARGIN for at in found.times):
            return True
        announced = {event.id for event in found.order_events}
        for order, each in steps.by_order.items():
            first = each[0]
            if first.after.payments:
                return True  # it is older than its history
            is_late = first.entry.at < since + LATE_EVENT
            if order not in announced and order not in found.unusable and is_late:
                return True
        return False


def _broken_steps(steps: Iterable[Step]) -> Iterator[tuple[Step, str]]:
    for step in steps:
        if step.before is None:
            yield from ((step, each) for each in broken_in_order(step.after))
        else:
            yield from ((step, each) for each in broken_by_commit(step.before, step.after))


def _knows_all(steps: Steps, found: OrderRecords) -> bool:
    """Whether the specification knows every status that occurs."""
    return (
        all(
            step.after.status in _KNOWN_OF_ORDERS
            and all(payment.status in _KNOWN for payment in step.after.payments)
            and all(refund.status in _KNOWN_OF_REFUNDS for refund in step.after.refunds)
            and all(dispute.status in _KNOWN_OF_DISPUTES for dispute in step.after.disputes)
            for step in steps
        )
        and all(line.state in _KNOWN_OF_CHARGES for line in found.charges)
        and all(line.state in _KNOWN_OF_REFUNDS for line in found.refunds)
        and all(line.state in _KNOWN_OF_DISPUTES for line in found.disputes)
    )


def _is_open(order: BookedOrder) -> bool:
    return any(refund.status == "pending" for refund in order.refunds) or any(
        payment.status in _OPEN
        or (payment.status == "authorized" and (payment.code, payment.requested) != (None, None))
        for payment in order.payments
    )


def _chain_of(order: str, found: OrderRecords, verdict: Verdict) -> Iterator[BrokenPromise]:
    """Verify a history as `payments audit verify` does."""
    lines = found.exported.get(order, ())
    if not lines:
        return
    try:
        verdict.verified.append(verify(line for _, line in lines))
    except BrokenLine as broken:
        at = lines[min(broken.number, len(lines)) - 1][0]
        violation = f"11: the history of order {order} is broken in its {broken}"
        yield broken_promise(violation, order, (), found.listed, at)


def _history_of(order: str, found: OrderRecords, steps: Steps) -> Iterator[BrokenPromise]:
    """Compare an intact history with what its steps make of the order."""
    lines = found.exported.get(order, ())
    if not lines:
        return
    entries = [line.decode() for _, line in lines[:-1]]
    ours = [steps.by_order[order][-1].after]
    for violation in every_change_is_recorded(History(orders=ours, histories={order: entries})):
        yield broken_promise(violation, order, (), found.listed)
