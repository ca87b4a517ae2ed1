"""Whatever is asked of a bill in whatever order, its invariants hold after every step."""

from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from domain.errors import DomainError
from domain.money import Money
from domain.order import Order
from domain.payment import PaymentStatus
from domain.refund import Refund, RefundStatus
from domain.refund_rules import MAX_RETRIES
from tests.builders import NOW, a_bill
from tests.strategies import Step, steps

PROCESSING, REQUIRES_ACTION = PaymentStatus.PROCESSING, PaymentStatus.REQUIRES_ACTION
SUCCEEDED, FAILED, ABANDONED = (
    PaymentStatus.SUCCEEDED,
    PaymentStatus.FAILED,
    PaymentStatus.ABANDONED,
)
REVERSED, REVIEW = PaymentStatus.REVERSED, PaymentStatus.REVIEW

# What docs/architecture.md draws.
ALLOWED = {
    None: {PROCESSING},
    PROCESSING: {SUCCEEDED, FAILED, REQUIRES_ACTION, ABANDONED, REVERSED, REVIEW},
    REQUIRES_ACTION: {SUCCEEDED, FAILED, ABANDONED, REVERSED, REVIEW},
    ABANDONED: {SUCCEEDED, FAILED, REVERSED, REVIEW},
    FAILED: {REVERSED, REVIEW},
    SUCCEEDED: set[PaymentStatus](),
    REVERSED: set[PaymentStatus](),
    REVIEW: set[PaymentStatus](),
}


def by_another_hand(refund: Refund) -> bool:
    """Whether it was begun at the gateway's own pages, where nothing of ours is asked or sent."""
    return refund.reason == "by_another_hand"


class BillMachine(RuleBasedStateMachine):
    """Asks a bill for anything at all, each thing twice."""

    def __init__(self) -> None:
        super().__init__()
        self.order, self.before, self.now = a_bill(), a_bill(), NOW

    @rule(data=st.data(), seconds=st.integers(0, 900))
    def ask(self, data: st.DataObject, seconds: int) -> None:
        """Take a step; the same step again, later, changes nothing more."""
        self.now += timedelta(seconds=seconds)
        step = data.draw(steps(self.order))
        self.before, self.order = self.order, self._after(step, self.order)
        self.now += timedelta(seconds=seconds)
        assert self._after(step, self.order) == self.order

    def _after(self, step: Step, order: Order) -> Order:
        try:
            return step(order, self.now)
        except DomainError:
            return order

    @invariant()
    def one_payment_at_most_is_live(self) -> None:
        assert sum(payment.is_live for payment in self.order.payments) <= 1

    @invariant()
    def a_payment_moves_only_where_the_states_allow(self) -> None:
        earlier = {payment.id: payment.status for payment in self.before.payments}
        for payment in self.order.payments:
            before = earlier.get(payment.id)
            assert payment.status is before or payment.status in ALLOWED[before]

    @invariant()
    def nothing_is_forgotten(self) -> None:
        for earlier, now in (
            ({each.id for each in self.before.payments}, {each.id for each in self.order.payments}),
            ({each.id for each in self.before.refunds}, {each.id for each in self.order.refunds}),
        ):
            assert set[str](earlier) <= set[str](now)

    @invariant()
    def a_cancelled_order_stays_cancelled(self) -> None:
        assert self.order.is_cancelled or not self.before.replica.is_cancelled

    @invariant()
    def our_refunds_never_exceed_their_payment(self) -> None:
        for payment in self.order.payments:
            reserving = [
                refund
                for refund in self.order.refunds
                if refund.payment_id == payment.id and refund.reserves
            ]
            ours = sum(
                refund.amount.minor_units for refund in reserving if not by_another_hand(refund)
            )
            everything = sum(refund.amount.minor_units for refund in reserving)
            captured_amount = payment.captured_amount or Money(0, payment.amount.currency)
            assert ours <= captured_amount.minor_units
            assert payment.is_captured or not reserving
            left = max(0, captured_amount.minor_units - everything)
            assert self.order.refundable(payment) == Money(left, captured_amount.currency)

    @invariant()
    def what_the_order_may_not_keep_is_on_its_way_back(self) -> None:
        for payment in self.order.payments:
            cancelled = payment.is_captured and self.order.is_cancelled
            refused = sum(
                refund.payment_id == payment.id
                and refund.automatic
                and refund.status is RefundStatus.FAILED
                for refund in self.order.refunds
            )
            if (payment.status is REVERSED or cancelled) and refused <= MAX_RETRIES:
                assert self.order.refundable(payment).is_zero

    @invariant()
    def what_is_open_is_looked_after(self) -> None:
        for payment in self.order.payments:
            assert payment.next_check_at is not None or not payment.is_open
        for refund in self.order.refunds:
            assert (refund.next_check_at is not None) == (refund.status is RefundStatus.PENDING)

    @invariant()
    def money_taken_has_a_name(self) -> None:
        for payment in self.order.payments:
            assert (payment.charge_id is not None) == payment.is_captured
            assert (payment.captured_amount is not None) == payment.is_captured


TestBill = BillMachine.TestCase
TestBill.settings = settings(max_examples=60, stateful_step_count=25)
