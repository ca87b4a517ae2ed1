"""Bugs of payments that are authorized first, and captured or released later."""

from datetime import datetime
from typing import Any, Final

from attrs import evolve

from adapters.persistence.in_memory import unit_of_work
from application.use_cases.changed_payments import Change
from application.use_cases.void_payment import VoidPayment
from domain.events import Event, PaymentAuthorized, PaymentCreated, PaymentExpiring, PaymentVoided
from domain.identifiers import PaymentId
from domain.order import Order
from domain.outcome import Authorized, Charged, Declined
from domain.payment import Payment
from domain.payment_status import ORDER_CANCELLED, PaymentStatus
from domain.refund_rules import external_refund
from tests.simulation.bug import Bug

# --- capturing --------------------------------------------------------------------------------

_request_capture = Order.request_capture


def _the_rest_is_captured_too(
    self: Order, payment_id: PaymentId, minor_units: int | None, now: datetime, *args: Any
) -> Order:
    payment = self.payment(payment_id)
    captured = payment.captured_amount
    if payment.status is not PaymentStatus.SUCCEEDED or captured in (None, payment.amount):
        return _request_capture(self, payment_id, minor_units, now, *args)
    assert captured is not None
    again = evolve(payment, status=PaymentStatus.AUTHORIZED)
    return self.with_payment(again.request_capture(payment.amount - captured, now))


_capture_shipped = Order._capture_shipped


def _a_larger_shipment_is_captured(self: Order, payment: Payment, now: datetime) -> Payment:
    shipped = _capture_shipped(self, payment, now)
    requested = shipped.requested_capture
    if requested is None or not requested.exceeds(payment.amount):
        return shipped
    return evolve(shipped, requested_capture=payment.amount)


def _an_earlier_shipment_is_forgotten(
    self: Order, payment: Payment, authorized: Authorized, paid_at: datetime, now: datetime
) -> Order:
    unshipped = evolve(self, replica=evolve(self.replica, shipment=None))
    held = _authorize(unshipped, payment, authorized, paid_at, now)
    return evolve(held, replica=self.replica)


_capture = Order._capture


def _the_rest_is_refunded(
    self: Order, payment: Payment, charged: Charged, paid_at: datetime, now: datetime
) -> Order:
    after = _capture(self, payment, charged, paid_at, now)
    is_part = payment.amount.currency == charged.amount.currency and payment.amount.exceeds(
        charged.amount
    )
    settled = after.payment(payment.id)
    if not is_part or settled.status is not PaymentStatus.SUCCEEDED or payment.is_captured:
        return after
    rest = payment.amount - charged.amount
    return after.with_refund(external_refund("rest", settled, rest, now))


# --- releasing --------------------------------------------------------------------------------


async def _voided_without_the_gateway(
    self: VoidPayment, payment_id: PaymentId, reason: str = "voided"
) -> Payment:
    payment = await self.retry(lambda work: self._request(work, payment_id, reason))
    if not payment.is_being_released:
        return payment
    return await self.check.settle(payment, Declined("canceled"))


_release = Payment.release


def _cancelled_orders_keep_their_hold(
    self: Payment, code: str, now: datetime, reason: str | None = None
) -> Payment:
    return self if code == ORDER_CANCELLED else _release(self, code, now, reason)


_authorize = Order._authorize


def _a_late_authorization_is_kept(
    self: Order, payment: Payment, authorized: Authorized, _paid_at: datetime, now: datetime
) -> Order:
    return self.with_payment(payment.authorize(authorized, now, None, is_live=True))


_should_cancel = Order.should_cancel


def _abandoned_holds_are_left(self: Order, payment: Payment, now: datetime) -> bool:
    is_abandoned = payment.status is PaymentStatus.ABANDONED
    return not is_abandoned and _should_cancel(self, payment, now)


# --- time -------------------------------------------------------------------------------------

_schedule_check = Payment.schedule_check


def _holds_are_never_checked(self: Payment, now: datetime) -> Payment:
    if self.waits_for_capture:
        return evolve(self, next_check_at=None)
    return _schedule_check(self, now)


def _announced_at_any_time(self: Payment, now: datetime) -> bool:
    until = self.authorized_until
    return self.waits_for_capture and until is not None and now < until


# --- events -----------------------------------------------------------------------------------

_created = PaymentCreated.of


def _with_the_authorized_amount(payment: Payment) -> PaymentCreated:
    return evolve(_created(payment), amount=payment.amount)


_event_of = Change._event_of


def _announced_although_released(self: Change, payment: Payment) -> Event | None:
    before = {each.id: each.status for each in self.before.payments}.get(payment.id)
    if payment.status is PaymentStatus.AUTHORIZED and before is not payment.status:
        return PaymentAuthorized.of(payment)
    return _event_of(self, payment)


def _created_when_authorized(self: Change, payment: Payment) -> Event | None:
    event = _event_of(self, payment)
    if not isinstance(event, PaymentAuthorized):
        return event
    return PaymentCreated.of(payment)


_add = unit_of_work._Outbox.add


def _without(*kinds: type[Event]) -> Any:
    def add(self: unit_of_work._Outbox, event: Event) -> None:
        if not isinstance(event, kinds):
            _add(self, event)

    return add


# --- waiting ----------------------------------------------------------------------------------

_is_live = Payment.is_live


def _a_redirect_does_not_block(payment: Payment) -> bool:
    is_waiting = payment.status is PaymentStatus.REQUIRES_ACTION
    return not is_waiting and bool(_is_live.__get__(payment))


def _only_cancelled_orders_give_back(
    self: Order, _payment: Payment, _paid_at: datetime
) -> str | None:
    return ORDER_CANCELLED if self.is_cancelled else None


CAPTURE_BUGS: Final = (
    Bug("the rest is captured too", Order, "request_capture", _the_rest_is_captured_too),
    Bug("a larger shipment is captured", Order, "_capture_shipped", _a_larger_shipment_is_captured),
    Bug("an earlier shipment is forgotten", Order, "_authorize", _an_earlier_shipment_is_forgotten),
    Bug("the released rest is a refund", Order, "_capture", _the_rest_is_refunded),
    Bug("voided without the gateway", VoidPayment, "__call__", _voided_without_the_gateway),
    Bug("a cancelled order keeps its hold", Payment, "release", _cancelled_orders_keep_their_hold),
    Bug("a late authorization is kept", Order, "_authorize", _a_late_authorization_is_kept),
    Bug("the hold of an abandoned payment", Order, "should_cancel", _abandoned_holds_are_left),
    Bug("a hold is never checked", Payment, "schedule_check", _holds_are_never_checked),
    Bug("expiring at any time", Payment, "is_running_out", _announced_at_any_time),
    Bug(
        "created with the authorized amount",
        *(PaymentCreated, "of", staticmethod(_with_the_authorized_amount)),
    ),
    Bug("announced although released", Change, "_event_of", _announced_although_released),
    Bug("created when authorized", Change, "_event_of", _created_when_authorized),
    Bug(
        "an end is not announced",
        *(unit_of_work._Outbox, "add", _without(PaymentExpiring)),
    ),
    Bug("a void is not published", unit_of_work._Outbox, "add", _without(PaymentVoided)),
    Bug(
        "a redirect does not block another card",
        *(Payment, "is_live", property(_a_redirect_does_not_block)),
        Bug("and is kept", Order, "_reversal_reason", _only_cancelled_orders_give_back),
    ),
)
