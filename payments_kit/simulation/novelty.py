"""Novelty: what a run has reached, as short texts, so that a search can tell what is new."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from attrs import define, field

from adapters.gateways.simulated.record import GatewayRecord
from payments_kit.simulation.faults import FaultInjector, FaultKind
from payments_kit.simulation.limits import place_of
from payments_kit.simulation.model.records import BookedOrder, BookedPayment
from payments_kit.simulation.model.reports import Reply
from payments_kit.simulation.process import current_name

MANY: Final = 2
"""From here on, payments and refunds of the same kind count alike."""


STATE: Final = "state "
"""How the features begin that say what state an order is in."""

ENDED: Final = {"failed/", "failed/declined", "cancelled/", "cancelled/declined"}
"""Payments without money, which is known; most orders have some of them."""


@define
class Novelty:
    """The features of one run, and after how many changes each was reached first."""

    injector: FaultInjector
    now: Callable[[], datetime]
    features: dict[str, int] = field(factory=dict)
    changes: int = 0
    """How often an order or a record has changed while faults could occur."""
    _records: dict[str, str] = field(factory=dict)
    """By payment: what the gateway has recorded."""
    _orders: dict[str, str] = field(factory=dict)
    _booked: dict[str, BookedOrder] = field(factory=dict)
    """By payment: the order, as it is in the books."""
    _statuses: dict[str, str] = field(factory=dict)
    """By payment and refund: the last status."""
    _last_order: str = ""
    """The state of the order that has changed last."""
    _seen_faults: int = 0
    _last_faults: dict[str, FaultKind] = field(factory=dict)
    _recent: FaultKind | None = None

    def order_changed(self, order: BookedOrder) -> None:
        """Note a change of an order."""
        self._begin_change()
        before = self._orders.get(order.id, "")
        after = self._state_of(order)
        role = _role()
        for payment in order.payments:
            self._note_payment(payment, role, order)
        for refund in order.refunds:
            status = self._statuses.get(refund.id, "")
            if status != refund.status:
                self._statuses[refund.id] = refund.status
                self._changed(f"refund {status}>{refund.status} {refund.reason}", role, order.id)
        if before != after:
            self._orders[order.id] = self._last_order = after
            self._note(f"order {before} > {after}")
        self._booked.update((payment.id, order) for payment in order.payments)
        self._note_state(order)

    def record_changed(self, payment_id: str, record: GatewayRecord) -> None:
        """Note a change at the gateway."""
        self._begin_change()
        before, after = self._records.get(payment_id, ""), _record_text(record)
        if before != after:
            self._records[payment_id] = after
            status = self._statuses.get(payment_id, "")
            self._changed(f"gateway {before}>{after} beside {status}", _role(), payment_id)
            if (order := self._booked.get(payment_id)) is not None:
                self._note_state(order)

    def finish(self, replies: Sequence[Reply]) -> None:
        """Note what the replies were."""
        last = dict[str, str]()
        for reply in replies:
            payment = "" if reply.payment_id is None else self._statuses.get(reply.payment_id, "")
            text = f"{reply.request} {reply.status}"
            self._note(f"reply {text} about {payment}")
            if reply.order_id is not None:
                self._note(f"reply {last.get(reply.order_id, '')} > {text}")
                last[reply.order_id] = text

    def _begin_change(self) -> None:
        self.changes += not self.injector.is_healed
        occurrences = self.injector.occurrences
        for occurrence in occurrences[self._seen_faults :]:
            self._note(f"fault {occurrence.kind.value} in {self._last_order}")
            if self._recent is not None:
                self._note(f"fault {self._recent.value} > {occurrence.kind.value}")
            self._recent = occurrence.kind
        self._seen_faults = len(occurrences)

    def _note_payment(self, payment: BookedPayment, role: str, order: BookedOrder) -> None:
        status = self._statuses.get(payment.id, "")
        if status == payment.status:
            return
        self._statuses[payment.id] = payment.status
        what = f"{status}>{payment.status}"
        self._changed(f"payment {what} {payment.code or ''}", role, order.id)
        self._note(f"payment {what} with {self._records.get(payment.id, '')}")
        if payment.claimed_at is not None:
            age = (self.now() - payment.claimed_at).total_seconds()
            self._note(f"payment {what} after {place_of(age)}")

    def _changed(self, what: str, role: str, subject: str) -> None:
        self._note(f"{what} by {role}")
        recent, before = self._recent, self._last_faults.get(subject)
        if recent is not None and recent is not before:
            self._last_faults[subject] = recent
            self._note(f"{what} after {recent.value}")

    def _note(self, feature: str) -> None:
        self.features.setdefault(feature, self.changes)

    def _state_of(self, order: BookedOrder) -> str:
        payments = Counter(
            f"{each.status}/{self._records.get(each.id, '')}" for each in order.payments
        )
        refunds = Counter(each.status for each in order.refunds)
        return f"{order.status} {_counted(payments)} {_counted(refunds)}"

    def _note_state(self, order: BookedOrder) -> None:
        """Note the state of an order, if a run can still be continued from it with other faults.

        It is without payments that have ended, and without numbers: with them, two of three
        states are reached in one run only.
        """
        if self.injector.is_healed:
            return
        parts = {f"{each.status}/{self._records.get(each.id, '')}" for each in order.payments}
        parts -= ENDED
        parts |= {f"refund {each.status}" for each in order.refunds}
        parts |= {f"dispute {each.status}" for each in order.disputes}
        self._note(f"{STATE}{order.status} {' '.join(sorted(parts))}")


def _counted(texts: Counter[str]) -> str:
    return " ".join(
        f"{text}{'*' if number >= MANY else ''}" for text, number in sorted(texts.items())
    )


def _record_text(record: GatewayRecord) -> str:
    attempts = Counter(each.state.value for each in record.attempts)
    refunds = Counter(each.state.value for each in record.refunds)
    return f"{_counted(attempts)} {_counted(refunds)}".strip()


def _role() -> str:
    return current_name().partition("/")[0].rstrip("0123456789")
