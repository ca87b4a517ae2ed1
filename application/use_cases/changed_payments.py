"""Change: what a decision has changed in an order's payments, and the events that tell it."""

from collections.abc import Sequence
from datetime import datetime

from attrs import field, frozen

from domain.events import (
    Event,
    PaymentAuthorized,
    PaymentCreated,
    PaymentExpiring,
    PaymentFailed,
    PaymentPending,
    PaymentVoided,
)
from domain.money import Money
from domain.order import Order
from domain.payment import Payment
from domain.payment_status import PaymentStatus


@frozen
class Change:
    """An order before and after a decision."""

    before: Order
    after: Order
    now: datetime
    payments: Sequence[Payment] = field(init=False)
    """The payments that are new or have changed."""

    @payments.default
    def _find_payments(self) -> Sequence[Payment]:
        return [each for each in self.after.payments if each not in self.before.payments]

    @property
    def events(self) -> Sequence[Event]:
        """What each changed payment has become; an event that was published before is no harm."""
        events = [event for each in self.payments if (event := self._event_of(each)) is not None]
        # The next check may come too late: after the end, or never again before a capture.
        running_out = [each for each in self.payments if each.is_running_out(self.now)]
        return [*events, *(PaymentExpiring.of(each) for each in running_out)]

    @property
    def other_shipments(self) -> Sequence[tuple[Payment, Money]]:
        """What was captured although a newer shipment names another amount, and that amount."""
        shipped = {each.id: each.next_capture for each in self.before.payments}
        return [
            (each, newer)
            for each in self.payments
            if each.status is PaymentStatus.SUCCEEDED
            if (newer := shipped.get(each.id)) is not None  # never what was requested already
        ]

    def _event_of(self, payment: Payment) -> Event | None:
        before = {each.id: each.status for each in self.before.payments}.get(payment.id)
        is_new_status = before is not payment.status
        if payment.status is PaymentStatus.SUCCEEDED:
            return PaymentCreated.of(payment)
        if payment.status is PaymentStatus.PENDING and is_new_status:
            return PaymentPending.of(payment)
        if payment.status is PaymentStatus.AUTHORIZED and is_new_status:
            return None if payment.is_being_released else PaymentAuthorized.of(payment)
        if payment.is_voided:
            return PaymentVoided.of(payment) if before is PaymentStatus.AUTHORIZED else None
        return PaymentFailed.of(payment) if payment.has_failed else None
