"""The guard of an order: what each event of the payments service means for it.

A pure decision: give it the state that is stored with the order and an event, store the new state
with the order in one transaction, do what the decision says, and acknowledge the event. The same
events give the same state in any order of arrival, and an event that comes again changes nothing.
"""

from collections.abc import Iterable
from enum import Enum
from typing import Final

from attrs import evolve, field, frozen

from payments_kit.orders.events import Fact, PaymentEvent, Subject


class OrderStatus(Enum):
    """What is known about an order and its money."""

    CREATED = "created"
    COMPLETE = "complete"
    REFUNDED = "refunded"
    """It was paid, and all of it is given back."""
    CANCELLED = "cancelled"


class Action(Enum):
    """What to do with the order of an event."""

    COMPLETE = "complete"
    """The order has become complete: deliver it. Never for an order that is cancelled."""
    RECORD = "record"
    """Store the state; nothing else follows."""
    IGNORE = "ignore"
    """The event is known already: nothing has changed."""


class NoticeKind(Enum):
    """Why a person must be told."""

    PAID_AFTER_CANCELLATION = "paid_after_cancellation"
    """The payments service gives the money back by itself: `payment:refunded` follows."""
    PAID_TWICE = "paid_twice"
    """Another payment of the order has succeeded as well."""
    REFUNDED = "refunded"
    """All of the money is given back: do not deliver."""
    PARTLY_REFUNDED = "partly_refunded"
    REFUND_FAILED = "refund_failed"
    """Money that was announced as given back, or should be, is not: the customer waits for it."""
    VOIDED = "voided"
    """The money is held no more: do not deliver, the order is unpaid."""
    EXPIRING = "expiring"
    """The money is held for another day only."""
    DISPUTED = "disputed"


@frozen
class Notice:
    """Something that a person must be told about a payment."""

    kind: NoticeKind
    payment_id: str
    amount: int | None
    """In minor units."""
    currency: str
    detail: str
    """A reason, code or status, as the event says it."""


@frozen
class Decision:
    """The new state of an order's payments, and what to do."""

    payments: "OrderPayments"
    action: Action
    notice: Notice | None = None


# A charge that came too late is given back without `payment:created`.
_ENDS_WAITING: Final = (
    *(Subject.CREATED, Subject.VOIDED, Subject.FAILED, Subject.REFUNDED, Subject.REFUND_FAILED),
)


def _sorted(facts: Iterable[Fact]) -> tuple[Fact, ...]:
    return tuple(sorted(facts, key=lambda it: (it.subject.value, it.payment_id, it.about)))


@frozen
class OrderPayments:
    """Everything that the guard knows about an order. Store it with the order.

    A new order has `OrderPayments()`. stored_state.py writes it as text, and reads it.
    """

    is_cancelled: bool = False
    facts: tuple[Fact, ...] = field(default=(), converter=_sorted)

    @property
    def status(self) -> OrderStatus:
        """The status that follows from everything that has arrived."""
        paid = self._of(Subject.CREATED)
        if self.is_cancelled:
            return OrderStatus.CANCELLED
        if not paid:
            return OrderStatus.CREATED
        if all(self._is_refunded(each) for each in paid):
            return OrderStatus.REFUNDED
        return OrderStatus.COMPLETE

    @property
    def held_payments(self) -> frozenset[str]:
        """The payments whose money is held for the order, and captured when it ships."""
        return self._payments(Subject.AUTHORIZED) - self._payments(*_ENDS_WAITING)

    @property
    def pending_payments(self) -> frozenset[str]:
        """The payments that are accepted and whose money comes later."""
        return self._payments(Subject.PENDING) - self._payments(*_ENDS_WAITING)

    @property
    def may_expire(self) -> bool:
        """Whether the order may be cancelled because its time to pay is over."""
        is_unpaid = self.status is OrderStatus.CREATED
        return is_unpaid and not (self.held_payments or self.pending_payments)

    def cancel(self) -> "OrderPayments":
        """Return the state of the cancelled order; it is never completed."""
        return evolve(self, is_cancelled=True)

    def apply(self, event: PaymentEvent) -> Decision:
        """Decide what an event of this order means."""
        if event.fact in self.facts:
            return Decision(self, Action.IGNORE)
        after = evolve(self, facts=(*self.facts, event.fact))
        kind = _notice(self, after, event.fact)
        notice = kind and Notice(
            kind, event.fact.payment_id, event.fact.amount, event.currency, event.detail
        )
        completes = event.fact.subject is Subject.CREATED and _has_become_complete(self, after)
        return Decision(after, Action.COMPLETE if completes else Action.RECORD, notice)

    def returned(self, payment_id: str) -> int:
        """How much of a payment that has succeeded is given back, in minor units."""
        if payment_id not in self._payments(Subject.CREATED):
            return 0
        failed = {each.about for each in self._of(Subject.REFUND_FAILED)}
        refunds = self._refunds(payment_id)
        return sum(each.amount or 0 for each in refunds if each.about not in failed)

    def _is_refunded(self, paid: Fact) -> bool:
        """Whether all of a payment is given back.

        One refund of everything counts although it fails later: what becomes of the order is not
        decided by a bank then.
        """
        refunds = self._refunds(paid.payment_id)
        if paid.amount is None or not refunds:
            return False
        largest = max(each.amount or 0 for each in refunds)
        return max(largest, self.returned(paid.payment_id)) >= paid.amount

    def _refunds(self, payment_id: str) -> list[Fact]:
        return [each for each in self._of(Subject.REFUNDED) if each.payment_id == payment_id]

    def _of(self, subject: Subject) -> list[Fact]:
        return [each for each in self.facts if each.subject is subject]

    def _payments(self, *subjects: Subject) -> frozenset[str]:
        return frozenset(each.payment_id for each in self.facts if each.subject in subjects)


def _has_become_complete(before: OrderPayments, after: OrderPayments) -> bool:
    return before.status is not OrderStatus.COMPLETE and after.status is OrderStatus.COMPLETE


def _notice(before: OrderPayments, after: OrderPayments, fact: Fact) -> NoticeKind | None:
    """Return why a person must be told of a new fact; None if there is no reason."""
    match fact.subject:
        case Subject.DISPUTED:
            return NoticeKind.DISPUTED
        case Subject.REFUND_FAILED:
            return NoticeKind.REFUND_FAILED
        case Subject.CREATED if after.is_cancelled:
            return NoticeKind.PAID_AFTER_CANCELLATION
        # Of a cancelled order, all money goes back, as everybody expects.
        case _ if after.is_cancelled:
            return None
        case Subject.CREATED if before.status is not OrderStatus.CREATED:
            return NoticeKind.PAID_TWICE
        case Subject.CREATED | Subject.REFUNDED:
            return _refund_notice(before, after, fact.payment_id)
        case Subject.VOIDED if after.status is OrderStatus.CREATED and not after.held_payments:
            return NoticeKind.VOIDED
        case Subject.EXPIRING if after.held_payments:
            return NoticeKind.EXPIRING
        case _:
            return None


def _refund_notice(
    before: OrderPayments, after: OrderPayments, payment_id: str
) -> NoticeKind | None:
    """Return what to tell about the refunds of a payment.

    The refund of one that has not succeeded is none of the order's: it was charged too late.
    """
    if after.returned(payment_id) <= before.returned(payment_id):
        return None
    is_all = after.status is OrderStatus.REFUNDED
    return NoticeKind.REFUNDED if is_all else NoticeKind.PARTLY_REFUNDED
