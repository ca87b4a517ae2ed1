"""Bugs that need three things at once: the right rule, except in one rare situation."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from attrs import frozen

from domain.identifiers import ChargeId, RefundId
from domain.order import Order
from domain.outcome import Charged, Evidence
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from domain.refund import RefundFailed, RefundOutcome, RefundStatus, ReportedRefund
from payments_kit.simulation.scenario import Scenario
from payments_kit.simulation.world import World
from tests.simulation.bug import Bug

SITUATIONS: Final = set[str]()
"""The names of the bugs whose situations have occurred since this was cleared."""


@frozen
class RareBug:
    """A rule of an order that is wrong in one situation."""

    name: str
    attribute: str
    """The method of Order."""
    occurs: Callable[..., bool]
    """Whether the situation occurs; it has the arguments of the method."""
    wrong: Callable[..., Order]

    @property
    def bug(self) -> Bug:
        """The bug."""
        return Bug(self.name, Order, self.attribute, self._method(lambda _right: self.wrong))

    @property
    def probe(self) -> Bug:
        """The right rule, which notes in SITUATIONS when the bug would be seen."""
        return Bug(self.name, Order, self.attribute, self._method(lambda right: right))

    def _method(self, instead: Callable[[Any], Any]) -> Callable[..., Any]:
        right = getattr(Order, self.attribute)

        def method(order: Order, *args: Any) -> Any:
            if not self.occurs(order, *args):
                return right(order, *args)
            SITUATIONS.add(self.name)
            return instead(right)(order, *args)

        return method


def _others(order: Order, payment: Payment) -> list[Payment]:
    return [each for each in order.payments if each.id != payment.id]


def _has_refund(order: Order, payment: Payment, status: RefundStatus) -> bool:
    return any(each.payment_id == payment.id and each.status is status for each in order.refunds)


def _unchanged(order: Order, *_args: Any) -> Order:
    return order


def _is_kept(order: Order, payment: Payment, charged: Charged, *_: datetime) -> Order:
    return order.with_payment(payment.succeed(charged)).complete()


def _late_for_a_cancelled_order_that_was_refunded(
    order: Order, payment: Payment, _charged: Charged, *_: datetime
) -> bool:
    is_late = payment.status is PaymentStatus.ABANDONED
    return is_late and order.is_cancelled and bool(order.refunds)


def _money_comes_beside_a_review(
    order: Order, payment: Payment, _charged: Charged, *_: datetime
) -> bool:
    is_other_in_review = any(
        each.status is PaymentStatus.REVIEW for each in _others(order, payment)
    )
    return is_other_in_review and not payment.is_captured


def _another_amount_beside_a_live_payment(
    order: Order, payment: Payment, charged: Charged, *_: datetime
) -> bool:
    is_other_live = any(each.is_live for each in _others(order, payment))
    is_mismatch = payment.mismatch(charged) is not None and not payment.is_captured
    return is_other_live and is_mismatch and not order.is_cancelled


def _is_reviewed(order: Order, payment: Payment, charged: Charged, *_: datetime) -> Order:
    return order.with_payment(payment.review(charged, payment.mismatch(charged) or "mismatch"))


def _cancelled_by_its_customer_and_repriced(
    order: Order, payment: Payment, _charged: Charged, *_: datetime
) -> bool:
    terms = order.replica.terms
    is_repriced = terms is not None and terms.price != payment.amount
    return is_repriced and payment.is_being_cancelled and not payment.is_captured


def _second_charge_of_a_reversed_payment(
    order: Order, first: Payment, charged: Charged, _now: datetime
) -> bool:
    is_known = order.payment_of_charge(charged.charge_id) is not None
    return order.is_cancelled and first.status is PaymentStatus.REVERSED and not is_known


def _fails_twice(order: Order, refund_id: RefundId, outcome: RefundOutcome, _now: datetime) -> bool:
    refund = order.refund(refund_id)
    if refund is None or not isinstance(outcome, RefundFailed):
        return False
    payment = order.payment(refund.payment_id)
    has_failed = _has_refund(order, payment, RefundStatus.FAILED)
    return payment.status is PaymentStatus.REVERSED and has_failed and refund.is_reserved


def _fails_and_stays(
    order: Order, refund_id: RefundId, outcome: RefundOutcome, _now: datetime
) -> Order:
    refund = order.refund(refund_id)
    return order if refund is None else order.with_refund(refund.settle(outcome))


def _others_refund_while_ours_is_pending(
    order: Order, charge_id: ChargeId, reported: list[ReportedRefund], _now: datetime
) -> bool:
    payment = order.payment_of_charge(charge_id)
    if payment is None or not payment.is_captured:
        return False
    is_new = any(order.sent_refund(each) is None for each in reported)
    is_pending = _has_refund(order, payment, RefundStatus.PENDING)
    return is_new and is_pending and order.is_cancelled


def _adopted_beside_another(
    order: Order, payment: Payment, evidence: Evidence, _now: datetime
) -> bool:
    is_lost = all(each.id != payment.id for each in order.payments)
    is_paid = any(each.status is PaymentStatus.SUCCEEDED for each in order.payments)
    return is_lost and is_paid and isinstance(evidence, Charged)


def _adopted_and_kept(order: Order, payment: Payment, evidence: Evidence, _now: datetime) -> Order:
    assert isinstance(evidence, Charged)
    return order.with_payment(payment.succeed(evidence))


def _refused_while_cancelled(order: Order, sent: Payment, _now: datetime) -> bool:
    payment = order.payment(sent.id)
    return order.is_cancelled and payment.is_being_released


def _refused_as_it_was_sent(order: Order, sent: Payment, now: datetime) -> Order:
    return order.with_payment(sent.fail_capture(now))


RARE_BUGS: Final = (
    RareBug(
        "a late charge of a refunded and cancelled order",
        *("_capture", _late_for_a_cancelled_order_that_was_refunded, _unchanged),
    ),
    RareBug("money comes beside a review", "_capture", _money_comes_beside_a_review, _is_kept),
    RareBug(
        "another amount beside a live payment",
        *("_capture", _another_amount_beside_a_live_payment, _is_reviewed),
    ),
    RareBug(
        "cancelled by its customer after a new price",
        *("_capture", _cancelled_by_its_customer_and_repriced, _is_kept),
    ),
    RareBug(
        "the second charge of a reversed payment",
        *("_reverse_second_charge", _second_charge_of_a_reversed_payment, _unchanged),
    ),
    RareBug("a reversal fails twice", "settle_refund", _fails_twice, _fails_and_stays),
    RareBug(
        "another's refund beside a pending one",
        *("record_refunds", _others_refund_while_ours_is_pending, _unchanged),
    ),
    RareBug("a lost payment beside another", "adopt", _adopted_beside_another, _adopted_and_kept),
    RareBug(
        "a capture is refused when the order is cancelled",
        *("fail_capture", _refused_while_cancelled, _refused_as_it_was_sent),
    ),
)


def rare_bug_named(name: str) -> RareBug:
    """Return one of the bugs."""
    return next(each for each in RARE_BUGS if each.name == name)


def broken_by(bug: RareBug, scenario: Scenario) -> list[str]:
    """Return what a run breaks with this bug."""
    with bug.bug.planted():
        return World(scenario).run().broken
