"""Watch: checks each commit of an order and each capture at the gateway, at its moment."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from attrs import define, field

from adapters.gateways.simulated.attempts import AttemptState
from adapters.gateways.simulated.record import GatewayRecord
from domain.identifiers import OrderId, PaymentId
from domain.order import Order
from payments_kit.simulation.model.charges import CAPTURED, LIVE
from payments_kit.simulation.model.records import BookedOrder, BookedPayment, BookedRefund
from payments_kit.simulation.model.report_steps import unapplied_reports
from payments_kit.simulation.model.reports import ConfirmedReport
from payments_kit.simulation.model.steps import (
    broken_by_capture,
    broken_by_commit,
    broken_by_hold,
)
from payments_kit.simulation.novelty import Novelty
from payments_kit.simulation.plain import amount_of, booked_order


def _no_change() -> None:
    """Do nothing when an order or a record changes."""


_DONE: Final = "succeeded"


@define
class Watch:
    """Collects what was broken at any moment of a run."""

    _now: Callable[[], datetime]
    mistakes: set[str] = field(factory=set)
    """The payments, or their sessions, with which the gateway has made a mistake."""
    novelty: Novelty | None = None
    """Notes what was reached, for a guided search."""
    on_change: Callable[[], None] = _no_change
    broken: list[str] = field(factory=list)
    has_lost_transactions: bool = False
    on_review: Callable[[str], None] = lambda _payment_id: None
    """Called when a payment begins to wait for an operator's decision."""
    statuses: set[str] = field(factory=set)
    """Every status that a payment has had."""
    never_wanted: set[str] = field(factory=set)
    """The payments whose authorization was to be released when it was recorded."""
    captured_since: dict[str, datetime] = field(factory=dict)
    """When the books had a charge as captured; when they had it again, if it was lost."""
    live: dict[str, list[list[datetime]]] = field(factory=dict)
    """By order: the times with a live payment or one in review; the last may have no end."""
    _booked: dict[OrderId, BookedOrder] = field(factory=dict)

    def commit(self, before: Order | None, after: Order) -> None:
        """Check what a commit has changed in an order."""
        earlier = self._booked.get(after.id) if before is not None else None
        self._booked[after.id] = order = booked_order(after)
        self.broken += broken_by_commit(
            earlier, order, has_lost_transactions=self.has_lost_transactions
        )
        self.statuses.update(each.status for each in order.payments)
        self._note_unwanted(earlier, order)
        self._note_live(order)
        for charge_id in _captured(order):
            self.captured_since.setdefault(charge_id, self._now())
        if self.novelty is not None:
            self.novelty.order_changed(order)
        self.on_change()
        self._note_reviews(earlier, order)

    @property
    def known_refunds(self) -> dict[str, BookedRefund]:
        """The refunds whose success is in the books, by their names at the gateway."""
        refunds = (each for order in self._booked.values() for each in order.refunds)
        return {each.reference: each for each in refunds if each.reference and each.status == _DONE}

    def has_refund(self, refund_id: str | None) -> bool:
        """Whether a refund of ours is in the books, whatever its status is."""
        refunds = (each for order in self._booked.values() for each in order.refunds)
        return any(each.id == refund_id for each in refunds)

    def reports(self, confirmed: list[ConfirmedReport]) -> None:
        """Check that what the service has confirmed to a gateway is in the books."""
        if not self.has_lost_transactions:
            self.broken += unapplied_reports(self._booked.values(), confirmed)

    def lose_transactions(self, kept: list[Order]) -> None:
        """Continue with the orders of a database that has lost its last commits."""
        self.has_lost_transactions = True
        self._booked = {order.id: booked_order(order) for order in kept}
        known = {each for order in self._booked.values() for each in _captured(order)}
        for charge_id in self.captured_since.keys() - known:
            del self.captured_since[charge_id]

    def gateway_record(
        self,
        key: PaymentId,
        payment_id: PaymentId,
        before: GatewayRecord | None,
        after: GatewayRecord,
    ) -> None:
        """Check a change of the record with this key, which is about a payment."""
        if self.novelty is not None:
            self.novelty.record_changed(payment_id, after)
        self.on_change()
        if self.has_lost_transactions or key in self.mistakes:
            return
        for state in (AttemptState.SUCCEEDED, AttemptState.AUTHORIZED):
            attempts = [each for each in after.attempts if each.state is state]
            earlier = 0
            if before is not None:
                earlier = sum(each.state is state for each in before.attempts)
            if len(attempts) <= earlier:
                continue
            payment = self._payment(attempts[-1].order_id, payment_id)
            amount, is_second = amount_of(attempts[-1].amount), len(attempts) > 1
            if state is AttemptState.SUCCEEDED:
                self.broken += broken_by_capture(
                    payment, payment_id, amount, captured_before=is_second
                )
            else:
                self.broken += broken_by_hold(payment, payment_id, amount, held_before=is_second)

    def _note_unwanted(self, before: BookedOrder | None, after: BookedOrder) -> None:
        known = {each.id for each in before.payments if _is_held(each)} if before else set[str]()
        for payment in after.payments:
            if _is_held(payment) and payment.code is not None and payment.id not in known:
                self.never_wanted.add(payment.id)

    def _note_live(self, order: BookedOrder) -> None:
        times = self.live.setdefault(order.id, [])
        was_live = bool(times) and len(times[-1]) == 1
        is_live = any(each.status in LIVE or each.status == "review" for each in order.payments)
        if is_live and not was_live:
            times.append([self._now()])
        elif was_live and not is_live:
            times[-1].append(self._now())

    def _note_reviews(self, before: BookedOrder | None, after: BookedOrder) -> None:
        known = {each.id for each in before.payments if each.status == "review"} if before else ()
        for payment in after.payments:
            if payment.status == "review" and payment.id not in known:
                self.on_review(payment.id)

    def _payment(self, order_id: OrderId, payment_id: PaymentId) -> BookedPayment | None:
        order = self._booked.get(order_id)
        payments = order.payments if order else ()
        return next((each for each in payments if each.id == payment_id), None)


def _captured(order: BookedOrder) -> list[str]:
    payments = (each for each in order.payments if each.status in CAPTURED)
    return [each.charge_id for each in payments if each.charge_id is not None]


def _is_held(payment: BookedPayment) -> bool:
    return payment.status == "authorized"
