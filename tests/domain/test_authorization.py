"""Money that is authorized is captured once, or released; never more than was authorized."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from domain.capture import (
    BeingCaptured,
    BeingReleased,
    CaptureCurrencyMismatch,
    CaptureExceedsAuthorization,
    CaptureMode,
    NotAuthorized,
)
from domain.check_times import EXPIRY_NOTICE, PENDING_CHECK_INTERVAL
from domain.claim import ExpectedAmount, PaymentInProgress
from domain.events import PaymentVoided
from domain.identifiers import ChargeId, PaymentId
from domain.money import Currency, Money
from domain.order import Order
from domain.order_captures import VOIDED
from domain.outcome import Authorized
from domain.payment import Payment
from domain.payment_status import AUTHORIZATION_EXPIRED, ORDER_CANCELLED, PaymentStatus
from domain.refund import Refunded, ReportedRefund
from domain.replica import OrderReplica, OrderStatus, Shipment
from tests.builders import (
    NOW,
    PAYER,
    PAYMENT,
    PRICE,
    UNTIL,
    USD,
    a_payment,
    after,
    an_order,
    authorized,
    cancelled_event,
    charged,
    claimed,
    created_event,
    declined,
    pending,
    requires_action,
    shipped_event,
    start_payment,
)

SECOND = PaymentId("payment-2")
PART = Money(300, USD)


def manual(replica: OrderReplica | None = None) -> Order:
    """Return an order with a payment that has just started; its money is captured later."""
    return claimed(replica=replica or created_event(capture=CaptureMode.MANUAL))


def held(order: Order | None = None, now: datetime = NOW) -> Order:
    """Return an order with an authorized payment."""
    return (order or manual()).settle(PAYMENT, authorized(), now)


def payment_of(order: Order) -> Payment:
    """Return the payment."""
    return order.payment(PAYMENT)


def state(order: Order) -> tuple[PaymentStatus, str | None]:
    """Return the state of the payment, and its code."""
    return payment_of(order).status, payment_of(order).code


# --- the claim ---------------------------------------------------------------------------------


@pytest.mark.parametrize("configured", CaptureMode)
@pytest.mark.parametrize("own", [None, *CaptureMode])
def test_an_orders_own_word_decides_before_the_configured_one(
    configured: CaptureMode, own: CaptureMode | None
) -> None:
    order = an_order(replica=created_event(capture=own))
    started = order.claim(PAYMENT, PAYER, ExpectedAmount(), "any", False, NOW, configured)
    assert started.payment(PAYMENT).capture_mode is (own or configured)


# --- authorized --------------------------------------------------------------------------------


def test_it_blocks_its_order_and_does_not_complete_it() -> None:
    assert held().status is OrderStatus.CREATED
    with pytest.raises(PaymentInProgress) as blocked:
        start_payment(held(), SECOND)
    assert blocked.value.payment == payment_of(held())


def test_it_is_checked_within_hours_a_day_before_its_end_and_at_its_end() -> None:
    payment, moments = payment_of(held()), list[datetime]()
    while payment.next_check_at is not None and payment.next_check_at <= UNTIL:
        moments.append(payment.next_check_at)
        payment = payment.schedule_check(payment.next_check_at)
    assert {UNTIL - EXPIRY_NOTICE, UNTIL} <= set(moments)
    assert max(later - earlier for earlier, later in pairwise(moments)) <= PENDING_CHECK_INTERVAL


def test_it_runs_out_soon_only_within_the_last_day_and_while_nobody_has_decided() -> None:
    payment = payment_of(held())
    assert not payment.is_running_out(UNTIL - EXPIRY_NOTICE - timedelta(seconds=1))
    assert payment.is_running_out(UNTIL - EXPIRY_NOTICE)
    assert not payment.is_running_out(UNTIL)
    assert not payment.release("voided", NOW).is_running_out(UNTIL - EXPIRY_NOTICE)
    assert not payment.request_capture(PRICE, NOW).is_running_out(UNTIL - EXPIRY_NOTICE)


@given(st.sampled_from([authorized(), pending(), requires_action()]))
def test_no_report_but_an_end_changes_it(report: Authorized) -> None:
    assert held().settle(PAYMENT, report, after(days=1)) == held()


@pytest.mark.parametrize(
    ("report", "code"),
    [
        (authorized(amount=PRICE + PRICE), "amount_mismatch"),
        (authorized(amount=PART), "amount_mismatch"),
        (authorized(amount=Money(PRICE.minor_units, Currency("eur"))), "currency_mismatch"),
        (authorized(livemode=True), "livemode_mismatch"),
    ],
    ids=["more", "less", "another currency", "live mode"],
)
def test_one_that_was_not_requested_is_released_at_once(report: Authorized, code: str) -> None:
    order = manual().settle(PAYMENT, report, NOW)
    assert state(order) == (PaymentStatus.AUTHORIZED, code)
    assert order.should_cancel(payment_of(order), NOW)
    assert payment_of(order).is_check_due(NOW)
    assert state(order.settle(PAYMENT, declined(), NOW)) == (PaymentStatus.CANCELLED, code)


# --- captured ----------------------------------------------------------------------------------


@given(st.none() | st.integers(1, PRICE.minor_units))
def test_all_or_a_part_is_captured_once_and_completes_the_order(units: int | None) -> None:
    requested = held().request_capture(PAYMENT, units, NOW)
    amount = PRICE if units is None else Money(units, USD)
    assert payment_of(requested).requested_capture == amount
    assert requested.request_capture(PAYMENT, units, after(hours=1)) == requested

    paid = requested.settle(PAYMENT, charged(amount=amount), NOW)
    assert state(paid) == (PaymentStatus.SUCCEEDED, None)
    assert payment_of(paid).captured_amount == amount
    assert payment_of(paid).requested_capture is None
    assert paid.status is OrderStatus.COMPLETE
    assert paid.request_capture(PAYMENT, units, after(hours=1)) == paid


@given(st.integers(max_value=0) | st.integers(PRICE.minor_units + 1))
def test_nothing_and_more_than_is_authorized_is_refused(units: int) -> None:
    with pytest.raises(CaptureExceedsAuthorization) as refused:
        held().request_capture(PAYMENT, units, NOW)
    assert refused.value.authorized == PRICE


def test_a_capture_in_another_currency_is_refused() -> None:
    assert held().request_capture(PAYMENT, 1, NOW, "USD") == held().request_capture(PAYMENT, 1, NOW)
    with pytest.raises(CaptureCurrencyMismatch) as refused:
        held().request_capture(PAYMENT, 1, NOW, "eur")
    assert refused.value.authorized == PRICE


@pytest.mark.parametrize("status", sorted(set(PaymentStatus) - {PaymentStatus.AUTHORIZED}, key=str))
def test_only_what_is_authorized_is_captured_or_released(status: PaymentStatus) -> None:
    order = an_order(a_payment(status=status))
    with pytest.raises(NotAuthorized):
        order.request_capture(PAYMENT, None, NOW)
    with pytest.raises(NotAuthorized):
        order.void(PAYMENT, "voided", NOW)


def test_a_second_amount_is_refused_while_another_one_is_being_captured() -> None:
    with pytest.raises(BeingCaptured):
        held().request_capture(PAYMENT, 300, NOW).request_capture(PAYMENT, 301, NOW)


def test_a_capture_of_another_amount_than_was_requested_is_for_an_operator() -> None:
    order = held().request_capture(PAYMENT, 300, NOW)
    assert state(order.settle(PAYMENT, charged(amount=Money(301, USD)), NOW)) == (
        PaymentStatus.REVIEW,
        "amount_mismatch",
    )


def test_what_an_operator_captures_in_the_gateways_dashboard_is_kept() -> None:
    assert state(held().settle(PAYMENT, charged(amount=PART), NOW))[0] is PaymentStatus.SUCCEEDED


def test_a_failed_capture_leaves_the_authorization_and_another_one_has_another_key() -> None:
    requested = held().request_capture(PAYMENT, 300, NOW)
    failed = requested.fail_capture(payment_of(requested), NOW)
    assert state(failed) == (PaymentStatus.AUTHORIZED, None)
    again = failed.request_capture(PAYMENT, 301, NOW)
    assert payment_of(again).capture_key != payment_of(requested).capture_key
    # A late report about the first one does not end the second one.
    late = again.fail_capture(payment_of(requested), NOW)
    assert late == again


def test_a_capture_that_is_sent_again_has_another_key() -> None:
    requested = payment_of(held().request_capture(PAYMENT, None, NOW))
    assert requested.schedule_check(NOW).capture_key != requested.capture_key


# --- shipped -----------------------------------------------------------------------------------


@given(st.permutations(["shipped", "authorized", "created"]))
def test_it_is_captured_when_its_order_is_shipped_in_any_sequence(sequence: list[str]) -> None:
    order = manual()
    for step in sequence:
        match step:
            case "shipped":
                order = order.apply(shipped_event(version=2, minor_units=300), NOW)
            case "authorized":
                order = held(order)
            case _:
                order = order.apply(created_event(capture=CaptureMode.MANUAL), NOW)
    assert payment_of(order).requested_capture == PART
    assert payment_of(order).is_check_due(NOW)


def test_the_same_shipment_again_does_not_capture_again_after_a_failure() -> None:
    order = held().apply(shipped_event(), NOW)
    failed = order.fail_capture(payment_of(order), NOW)
    assert failed.apply(shipped_event(), NOW) == failed
    newer = failed.apply(shipped_event(version=2, minor_units=300), NOW)
    assert payment_of(newer).requested_capture == PART


def test_a_newer_shipment_replaces_a_request_that_is_not_sent_yet() -> None:
    order = held().apply(shipped_event(minor_units=300), NOW)
    newer = order.apply(shipped_event(version=2, minor_units=400), NOW)
    assert payment_of(newer).requested_capture == Money(400, USD)
    assert payment_of(newer).capture_key != payment_of(order).capture_key
    too_large = newer.apply(shipped_event(version=3, minor_units=PRICE.minor_units + 1), NOW)
    assert payment_of(too_large).requested_capture == Money(400, USD)


def in_flight(order: Order) -> Order:
    """Return the order while a worker sends the requested capture."""
    return order.with_payment(order.schedule_check(payment_of(order), NOW))


def test_a_newer_shipment_is_captured_only_if_the_capture_in_flight_fails() -> None:
    order = in_flight(held().apply(shipped_event(minor_units=300), NOW))
    newer = order.apply(shipped_event(version=2, minor_units=400), NOW)
    assert payment_of(newer).requested_capture == PART
    assert payment_of(newer).capture_key == payment_of(order).capture_key

    paid = newer.settle(PAYMENT, charged(amount=PART), NOW)
    assert state(paid) == (PaymentStatus.SUCCEEDED, None)
    assert payment_of(paid).next_capture is None

    failed = newer.fail_capture(payment_of(newer), NOW)
    assert payment_of(failed).requested_capture == Money(400, USD)
    assert payment_of(failed).is_check_due(NOW)
    failed = in_flight(failed)
    failed = failed.fail_capture(payment_of(failed), NOW)
    assert payment_of(failed).waits_for_capture


def test_a_newer_shipment_that_agrees_with_the_capture_in_flight_is_no_other_one() -> None:
    order = in_flight(held().apply(shipped_event(minor_units=300), NOW))
    order = order.apply(shipped_event(version=2, minor_units=400), NOW)
    order = order.apply(shipped_event(version=3, minor_units=300), NOW)
    assert payment_of(order.fail_capture(payment_of(order), NOW)).waits_for_capture


def test_what_an_operator_captures_is_not_replaced_by_a_shipment() -> None:
    shipped = held().apply(shipped_event(minor_units=300), NOW)
    for order in (held(), shipped):
        sent = order.request_capture(PAYMENT, 300, NOW)
        newer = sent.apply(shipped_event(version=2, minor_units=400), NOW)
        assert payment_of(newer).requested_capture == PART
        assert payment_of(newer).capture_key == payment_of(sent).capture_key
    with pytest.raises(BeingCaptured):
        shipped.request_capture(PAYMENT, 301, NOW)


def test_a_refused_capture_of_an_operator_is_not_followed_by_one_of_an_earlier_shipment() -> None:
    order = held().apply(shipped_event(minor_units=400), NOW)
    order = order.fail_capture(payment_of(order), NOW)
    order = order.request_capture(PAYMENT, 300, NOW)
    failed = order.fail_capture(payment_of(order), NOW)
    assert payment_of(failed).requested_capture is None
    assert failed.fail_capture(payment_of(failed), NOW) == failed


def test_a_shipment_means_nothing_to_a_payment_that_is_captured_at_once() -> None:
    paid = claimed().apply(shipped_event(minor_units=300), NOW).settle(PAYMENT, charged(), NOW)
    assert state(paid) == (PaymentStatus.SUCCEEDED, None)
    assert payment_of(paid).captured_amount == PRICE


@given(st.permutations([Shipment(1, 100), Shipment(2, 200), Shipment(2, 200), Shipment(3, None)]))
def test_the_newest_shipment_counts(shipments: list[Shipment]) -> None:
    replica = created_event()
    for each in shipments:
        replica = replica.merge(OrderReplica.shipped(replica.id, each))
    assert replica.shipment == Shipment(3, None)
    assert (replica.version, replica.status) == (3, OrderStatus.CREATED)


# --- released ----------------------------------------------------------------------------------


def test_a_cancelled_order_releases_it_even_while_it_is_being_captured() -> None:
    order = held().request_capture(PAYMENT, None, NOW).apply(cancelled_event(), NOW)
    assert state(order) == (PaymentStatus.AUTHORIZED, ORDER_CANCELLED)
    assert payment_of(order).requested_capture is None
    assert order.should_cancel(payment_of(order), NOW)

    released = order.settle(PAYMENT, declined(), NOW)
    assert state(released) == (PaymentStatus.CANCELLED, ORDER_CANCELLED)
    assert payment_of(released).is_voided

    captured = order.settle(PAYMENT, charged(), NOW)
    assert state(captured) == (PaymentStatus.REVERSED, ORDER_CANCELLED)
    assert captured.refundable(payment_of(captured)).is_zero


def test_an_authorization_for_a_cancelled_order_is_released_at_once() -> None:
    order = held(manual().apply(cancelled_event(), NOW))
    assert state(order) == (PaymentStatus.AUTHORIZED, ORDER_CANCELLED)
    assert payment_of(order).is_check_due(NOW)


def test_an_authorization_after_the_orders_expiry_is_released_and_one_before_is_kept() -> None:
    order = manual(created_event(expires_at=after(minutes=15), capture=CaptureMode.MANUAL))
    late = held(order, after(minutes=16))
    assert state(late) == (PaymentStatus.AUTHORIZED, "order_expired")

    in_time = held(order)
    paid = in_time.settle(PAYMENT, charged(), after(days=3))
    assert state(paid) == (PaymentStatus.SUCCEEDED, None)


def test_an_operator_releases_it_once_and_nothing_is_captured_after_that() -> None:
    order = held().void(PAYMENT, "out of stock", NOW)
    assert state(order) == (PaymentStatus.AUTHORIZED, VOIDED)
    assert payment_of(order).release_reason == "out of stock"
    assert order.void(PAYMENT, "another reason", after(hours=1)) == order
    with pytest.raises(BeingReleased):
        order.request_capture(PAYMENT, None, NOW)
    assert order.apply(shipped_event(), NOW).payment(PAYMENT) == payment_of(order)

    released = order.settle(PAYMENT, declined(), NOW)
    assert state(released) == (PaymentStatus.CANCELLED, VOIDED)
    assert PaymentVoided.of(payment_of(released)).reason == "out of stock"
    assert released.void(PAYMENT, "another reason", NOW) == released
    assert start_payment(released, SECOND).payment(SECOND).is_open


def test_of_a_release_for_which_an_operator_has_given_no_reason_none_is_recorded() -> None:
    order = held().void(PAYMENT, VOIDED, NOW)
    assert payment_of(order).release_reason is None
    released = order.settle(PAYMENT, declined(), NOW)
    assert PaymentVoided.of(payment_of(released)).reason == VOIDED


@pytest.mark.parametrize("reason", [AUTHORIZATION_EXPIRED, "out of stock"])
def test_what_was_captured_before_its_release_is_given_back(reason: str) -> None:
    order = held().void(PAYMENT, reason, NOW)
    assert not payment_of(order).has_run_out
    order = order.settle(PAYMENT, charged(), NOW)
    assert state(order) == (PaymentStatus.REVERSED, VOIDED)
    assert order.refundable(payment_of(order)).is_zero


def test_it_is_not_released_by_an_operator_while_it_is_being_captured() -> None:
    with pytest.raises(BeingCaptured):
        held().request_capture(PAYMENT, None, NOW).void(PAYMENT, "voided", NOW)


def test_it_is_released_when_it_has_run_out() -> None:
    order = held()
    checked = order.schedule_check(payment_of(order), UNTIL)
    assert (checked.code, checked.is_being_released) == (AUTHORIZATION_EXPIRED, True)
    assert order.should_cancel(checked, UNTIL)

    ended = order.settle(PAYMENT, declined(), UNTIL)
    assert state(ended) == (PaymentStatus.CANCELLED, AUTHORIZATION_EXPIRED)
    assert state(order.settle(PAYMENT, declined(code="canceled"), NOW)) == (
        PaymentStatus.CANCELLED,
        "canceled",
    )


def test_what_was_captured_just_before_its_end_is_kept() -> None:
    requested = held().request_capture(PAYMENT, 300, NOW)
    checked = requested.schedule_check(payment_of(requested), UNTIL)
    assert checked.requested_capture == PART
    assert not requested.should_cancel(checked, UNTIL)
    order = requested.with_payment(checked)
    assert state(order.settle(PAYMENT, charged(amount=PART), UNTIL)) == (
        PaymentStatus.SUCCEEDED,
        None,
    )
    assert state(order.settle(PAYMENT, declined(), UNTIL)) == (
        PaymentStatus.CANCELLED,
        AUTHORIZATION_EXPIRED,
    )

    others = held()
    others = others.with_payment(others.schedule_check(payment_of(others), UNTIL))
    assert state(others.settle(PAYMENT, charged(), UNTIL)) == (PaymentStatus.SUCCEEDED, None)


@pytest.mark.parametrize(
    "ended",
    [
        manual().settle(PAYMENT, declined(), NOW),
        manual()
        .settle(PAYMENT, requires_action(), NOW)
        .request_cancellation(PAYMENT, NOW)
        .settle(PAYMENT, declined(), NOW),
    ],
    ids=["failed", "cancelled"],
)
def test_an_authorization_of_a_payment_that_has_ended_is_released(ended: Order) -> None:
    late = held(ended)
    assert state(late) == state(ended)
    assert late.should_cancel(payment_of(late), NOW)
    assert payment_of(late).is_check_due(NOW)
    # A report that it is still held does not repeat the check at once.
    leased = late.with_payment(late.schedule_check(payment_of(late), NOW))
    assert held(leased) == leased
    released = leased.settle(PAYMENT, declined(), NOW)
    assert state(released) == state(ended)
    assert payment_of(released).next_check_at is None


def test_a_late_authorization_of_an_abandoned_payment_is_kept_if_the_order_is_free() -> None:
    abandoned = manual().with_payment(payment_of(manual()).abandon())
    assert state(held(abandoned)) == (PaymentStatus.AUTHORIZED, None)

    paid = start_payment(abandoned, SECOND).settle(SECOND, authorized(SECOND), NOW)
    late = evolve(authorized(), reference=None)
    order = paid.settle(PAYMENT, late, NOW)
    assert payment_of(order).status is PaymentStatus.ABANDONED
    assert order.should_cancel(payment_of(order), NOW)
    assert order.payment(SECOND).status is PaymentStatus.AUTHORIZED


# --- what gateways also report -----------------------------------------------------------------


def test_a_released_authorization_that_is_reported_as_a_refund_is_none() -> None:
    reported = ReportedRefund("re_1", PRICE, Refunded("re_1", PRICE))
    for order in (held(), held().settle(PAYMENT, declined(), NOW)):
        assert order.record_refunds(ChargeId(f"ch_{PAYMENT}"), [reported], NOW) == order


def test_one_that_the_database_has_lost_is_adopted_and_captured_as_shipped() -> None:
    lost = evolve(a_payment(), capture_mode=CaptureMode.MANUAL)
    expired = created_event(expires_at=after(minutes=15), capture=CaptureMode.MANUAL)
    order = an_order(replica=expired).apply(shipped_event(minor_units=300), NOW)
    adopted = order.adopt(lost, authorized(), after(hours=1))
    assert state(adopted) == (PaymentStatus.AUTHORIZED, None)
    assert payment_of(adopted).requested_capture == PART

    taken = start_payment(order, SECOND).settle(SECOND, charged(SECOND), NOW)
    stray = taken.adopt(lost, authorized(), after(hours=1))
    assert payment_of(stray).status is PaymentStatus.ABANDONED
    assert stray.should_cancel(payment_of(stray), NOW)
