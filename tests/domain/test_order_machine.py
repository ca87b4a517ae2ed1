"""Whatever is called on an order in whatever sequence, its invariants hold after every step."""

from collections.abc import Sequence
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from domain import payment_status as payments
from domain import refund as refunds
from domain.errors import DomainError
from domain.identifiers import RefundId
from domain.money import Money
from domain.order import Order
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from domain.refund import Refund, RefundStatus
from domain.refund_rules import MAX_RETRIES
from tests.builders import NOW, an_order
from tests.depth import times
from tests.strategies import Step, steps


def total(refunds: Sequence[Refund]) -> int:
    """Return the minor units of some refunds together."""
    return sum(refund.amount.minor_units for refund in refunds)


class OrderMachine(RuleBasedStateMachine):
    """Takes arbitrary steps with an order, each of them twice."""

    def __init__(self) -> None:
        super().__init__()
        self.order, self.before, self.now = an_order(), an_order(), NOW
        self.told = set[RefundId]()
        """External and lost refunds: the gateway's report of them came first."""

    @rule(data=st.data(), seconds=st.integers(0, 900))
    def take_step(self, data: st.DataObject, seconds: int) -> None:
        """Take a step; repeating it later changes nothing more."""
        self.now += timedelta(seconds=seconds)
        step = data.draw(steps(self.order))
        self.before, self.order = self.order, self._after(step, self.order)
        known = {refund.id for refund in self.before.refunds}
        new = [refund for refund in self.order.refunds if refund.id not in known]
        self.told |= {refund.id for refund in new if refund.reference is not None}
        self.now += timedelta(seconds=seconds)
        assert self._after(step, self.order) == self.order

    def _after(self, step: Step, order: Order) -> Order:
        try:
            return step(order, self.now)
        except DomainError:
            return order

    def _reserved(self, payment: Payment) -> list[Refund]:
        refunds = self.order.refunds
        return [each for each in refunds if each.payment_id == payment.id and each.is_reserved]

    @invariant()
    def at_most_one_payment_is_live(self) -> None:
        assert sum(payment.is_live for payment in self.order.payments) <= 1

    @invariant()
    def every_change_of_a_payments_status_is_in_the_table(self) -> None:
        earlier = {payment.id: payment.status for payment in self.before.payments}
        for payment in self.order.payments:
            before = earlier.get(payment.id, PaymentStatus.PROCESSING)
            assert payment.status is before or payment.status in payments.TRANSITIONS[before]

    @invariant()
    def every_change_of_a_refunds_status_is_in_the_table(self) -> None:
        # An external refund is recorded as pending and settled in the same step.
        earlier = {refund.id: refund.status for refund in self.before.refunds}
        for refund in self.order.refunds:
            before = earlier.get(refund.id, RefundStatus.PENDING)
            assert refund.status is before or refund.status in refunds.TRANSITIONS[before]

    @invariant()
    def no_payment_and_no_refund_is_removed(self) -> None:
        for kind in ("payments", "refunds", "disputes"):
            before, now = getattr(self.before, kind), getattr(self.order, kind)
            assert {each.id for each in before} <= {each.id for each in now}

    @invariant()
    def payments_come_oldest_first(self) -> None:
        ages = [(payment.created_at, payment.id) for payment in self.order.payments]
        assert ages == sorted(ages)

    @invariant()
    def a_cancelled_order_stays_cancelled(self) -> None:
        assert self.order.is_cancelled or not self.before.is_cancelled

    @invariant()
    def our_refunds_never_exceed_their_payment(self) -> None:
        for payment in self.order.payments:
            reserved = self._reserved(payment)
            # What others have refunded, and what was lost, may overlap with what is reserved.
            ours = [each for each in reserved if each.id not in self.told]
            captured = payment.captured_amount or Money(0, payment.amount.currency)
            assert total(ours) <= captured.minor_units
            assert payment.is_captured or not reserved
            left = max(0, captured.minor_units - total(reserved))
            assert self.order.refundable(payment) == Money(left, captured.currency)

    @invariant()
    def no_more_is_recorded_as_refunded_than_was_captured(self) -> None:
        for payment in self.order.payments:
            done = [
                each for each in self._reserved(payment) if each.status is RefundStatus.SUCCEEDED
            ]
            captured = payment.captured_amount or Money(0, payment.amount.currency)
            assert total(done) <= captured.minor_units
            assert {each.amount.currency for each in done} <= {captured.currency}

    @invariant()
    def money_that_the_order_may_not_keep_is_being_returned(self) -> None:
        for payment in self.order.payments:
            failed = sum(
                refund.payment_id == payment.id
                and refund.automatic
                and refund.status is RefundStatus.FAILED
                for refund in self.order.refunds
            )
            cancelled = payment.is_captured and self.order.is_cancelled
            if (payment.status is PaymentStatus.REVERSED or cancelled) and failed <= MAX_RETRIES:
                assert self.order.refundable(payment).is_zero

    @invariant()
    def everything_unfinished_has_a_check_scheduled(self) -> None:
        for payment in self.order.payments:
            assert payment.next_check_at is not None or not payment.is_open
        for refund in self.order.refunds:
            is_checked = refund.next_check_at is not None
            assert is_checked or refund.status is not RefundStatus.PENDING
            # One that counts, and another one beside it counts as less than the gateway reports.
            assert not is_checked or refund.status is not RefundStatus.FAILED

    @invariant()
    def exactly_what_was_captured_or_authorized_has_a_charge(self) -> None:
        for payment in self.order.payments:
            was_held = payment.authorized_until is not None
            assert (payment.charge_id is not None) == (payment.is_captured or was_held)
            assert (payment.captured_amount is not None) == payment.is_captured

    @invariant()
    def no_more_is_captured_than_was_authorized_and_no_more_than_is_due(self) -> None:
        for payment in self.order.payments:
            captured = payment.captured_amount
            is_kept = payment.status is PaymentStatus.SUCCEEDED
            if captured is not None and is_kept and payment.code is None:  # else a person accepted
                assert not captured.exceeds(payment.amount)

    @invariant()
    def money_that_the_order_may_not_keep_is_being_released(self) -> None:
        for payment in self.order.payments:
            if payment.status is PaymentStatus.AUTHORIZED and self.order.is_cancelled:
                assert self.order.should_cancel(payment, self.now)
                assert payment.requested_capture is None
                assert payment.is_check_due(self.now)

    @invariant()
    def only_an_authorized_payment_is_being_captured(self) -> None:
        for payment in self.order.payments:
            if payment.is_captured:
                assert (payment.next_check_at, payment.next_capture) == (None, None)
            is_free = payment.status is PaymentStatus.AUTHORIZED and payment.code is None
            assert payment.requested_capture is None or is_free


TestOrder = OrderMachine.TestCase
TestOrder.settings = settings(max_examples=times(60), stateful_step_count=25)
