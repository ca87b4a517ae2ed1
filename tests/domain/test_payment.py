"""A payment ends with the gateway's evidence, and is checked until then."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.ports.payment_gateway import CALL_SECONDS
from domain.capture import CaptureMode
from domain.check_times import (
    ABANDON_AFTER,
    CHARGE_WINDOW,
    CHECK_INTERVAL,
    FIRST_CHECK_AFTER,
    LATE_CAPTURE_WINDOW,
    PENDING_CHECK_INTERVAL,
)
from domain.identifiers import PaymentId
from domain.money import Currency, Money
from domain.outcome import Charged, RequiresAction
from domain.payment import Payment
from domain.payment_status import CAPTURED, LIVE, OPEN, TRANSITIONS, PaymentStatus
from tests.builders import (
    NOW,
    ORDER,
    PAYER,
    PRICE,
    UNTIL,
    a_payment,
    after,
    approved,
    authorized,
    charged,
    declined,
    dollars,
    pending,
    requires_action,
)

METHODS: dict[str, Callable[[Payment], Payment]] = {
    "succeed": lambda payment: payment.succeed(charged()),
    "reverse": lambda payment: payment.reverse(charged(), "order_cancelled"),
    "review": lambda payment: payment.review(charged(), "amount_mismatch"),
    "fail": lambda payment: payment.fail(declined()),
    "require_action": lambda payment: payment.require_action(requires_action(), NOW),
    "approve": lambda payment: payment.approve(approved(), NOW),
    "never_arrived": lambda payment: payment.never_arrived(NOW),
    "wait_for_money": lambda payment: payment.wait_for_money(pending(), is_live=True),
    "authorize": lambda payment: payment.authorize(authorized(), NOW, None, is_live=True),
    "capture": lambda payment: payment.request_capture(PRICE, NOW),
    "fail_capture": lambda payment: payment.fail_capture(NOW),
    "release": lambda payment: payment.release("voided", NOW),
    "accept_review": lambda payment: payment.accept_review(),
    "refuse_review": lambda payment: payment.refuse_review("review_refused"),
    "expire": lambda payment: payment.expire(UNTIL),
    "abandon": lambda payment: payment.abandon(),
    "check_now": lambda payment: payment.check_now(NOW),
    "schedule_check": lambda payment: payment.schedule_check(NOW),
}


@pytest.mark.parametrize("status", PaymentStatus)
@pytest.mark.parametrize("method", METHODS)
def test_every_method_follows_the_table_and_changes_nothing_when_repeated(
    status: PaymentStatus, method: str
) -> None:
    payment = a_payment(status=status)
    once = METHODS[method](payment)
    assert once.status is status or once.status in TRANSITIONS[status]
    assert METHODS[method](once) == once
    is_decided = status is PaymentStatus.REVIEW and method.endswith("_review")
    if status in CAPTURED and not is_decided and not method.startswith(("check", "schedule")):
        assert once == payment


@pytest.mark.parametrize(
    ("charge", "mismatch"),
    [
        (charged(amount=PRICE + PRICE), "amount_mismatch"),
        (charged(amount=Money(PRICE.minor_units - 1, PRICE.currency)), "amount_mismatch"),
        (charged(amount=Money(PRICE.minor_units, Currency("eur"))), "currency_mismatch"),
        (charged(livemode=True), "livemode_mismatch"),
        (charged(), None),
    ],
    ids=["more", "less", "another currency", "live mode", "as requested"],
)
def test_a_charge_is_compared_by_amount_currency_and_mode(
    charge: Charged, mismatch: str | None
) -> None:
    assert a_payment().mismatch(charge) == mismatch


def test_a_payment_records_the_amount_the_code_and_the_reference_that_the_gateway_reports() -> None:
    less, abandoned = charged(amount=dollars("1")), a_payment().abandon()
    for captured in (
        abandoned.succeed(less),
        abandoned.reverse(less, "order_cancelled"),
        abandoned.review(less, "amount_mismatch"),
    ):
        assert (captured.amount, captured.captured_amount) == (PRICE, dollars("1"))
        assert (captured.reference, captured.next_check_at) == (less.reference, None)
    failed = abandoned.fail(declined(code="lost_card"))
    assert (failed.code, failed.next_check_at) == ("lost_card", None)
    waiting = abandoned.require_action(requires_action(), NOW)
    assert (waiting.status, waiting.reference) == (PaymentStatus.ABANDONED, "pi_payment-1")


@given(st.sampled_from(PaymentStatus), st.integers(0, 200_000))
def test_a_payment_that_may_still_change_is_checked_again(
    status: PaymentStatus, seconds: int
) -> None:
    now = after(seconds=seconds)
    payment = a_payment(status=status, next_check_at=NOW).schedule_check(now)
    abandoned_lately = status is PaymentStatus.ABANDONED and now < NOW + LATE_CAPTURE_WINDOW
    is_held = payment.has_stray_hold
    assert (payment.next_check_at is not None) == (payment.is_open or abandoned_lately or is_held)
    assert payment.next_check_at is None or payment.next_check_at > now
    if payment.is_open and payment.next_check_at is not None:
        is_pending = status in (PaymentStatus.PENDING, PaymentStatus.AUTHORIZED)
        longest = PENDING_CHECK_INTERVAL if is_pending else CHECK_INTERVAL
        assert payment.next_check_at - now <= longest


@pytest.mark.parametrize("status", [PaymentStatus.FAILED, PaymentStatus.CANCELLED])
def test_an_ended_payment_that_the_gateway_does_not_know_is_looked_at_once(
    status: PaymentStatus,
) -> None:
    payment = a_payment(status=status, next_check_at=None)
    assert payment.check_now(NOW).abandon() == payment


def test_an_abandoned_payment_is_checked_twelve_times_within_a_day() -> None:
    payment, checks = a_payment().abandon(), 0
    while payment.next_check_at is not None:
        payment, checks = payment.schedule_check(payment.next_check_at), checks + 1
    assert checks == 12


def test_a_charge_may_be_sent_until_its_first_check_and_arrive_while_a_call_may_last() -> None:
    payment = a_payment()
    assert payment.may_be_sent(NOW)
    assert not payment.may_be_sent(NOW + FIRST_CHECK_AFTER)
    assert FIRST_CHECK_AFTER + timedelta(seconds=CALL_SECONDS) <= CHARGE_WINDOW < ABANDON_AFTER
    assert payment.may_have_arrived(NOW + CHARGE_WINDOW)
    assert not payment.may_have_arrived(NOW + ABANDON_AFTER)


def test_it_is_open_while_it_may_succeed_unless_it_is_abandoned_or_an_operator_decides() -> None:
    may_succeed = {each for each in TRANSITIONS if PaymentStatus.SUCCEEDED in TRANSITIONS[each]}
    assert may_succeed - {PaymentStatus.ABANDONED, PaymentStatus.REVIEW} == OPEN
    assert OPEN | {PaymentStatus.SUCCEEDED} == LIVE


def test_a_new_payment_is_processing_and_captured_at_once_if_nothing_else_is_said() -> None:
    new = Payment(PaymentId("payment-1"), ORDER, PAYER, PRICE, "any", livemode=True, created_at=NOW)
    assert (new.status, new.capture_mode) == (PaymentStatus.PROCESSING, CaptureMode.AUTOMATIC)


def test_the_secrets_of_a_required_action_are_not_in_its_repr() -> None:
    action = RequiresAction("pi_1", "pi_1_secret", redirect_url="https://bank.example/secret-way")
    assert "secret" not in repr(action)


def test_an_action_that_only_names_an_address_is_a_redirect() -> None:
    assert RequiresAction("pi_1", redirect_url="https://bank.example").next_action == (
        "redirect_to_url"
    )
