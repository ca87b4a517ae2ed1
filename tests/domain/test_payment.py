"""A payment ends on the gateway's evidence, and is looked after until then."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from domain.money import Currency, Money
from domain.outcome import Charged
from domain.payment import (
    ABANDON_AFTER,
    CHARGE_WINDOW,
    CHECK_INTERVAL,
    FIRST_CHECK_AFTER,
    LATE_CAPTURE_WINDOW,
    ContradictoryOutcome,
    Payment,
    PaymentStatus,
)
from tests.builders import (
    NOW,
    PRICE,
    a_payment,
    after,
    charged,
    declined,
    dollars,
    requires_action,
)

EVERY_STATUS = list(PaymentStatus)
CAPTURED = (PaymentStatus.SUCCEEDED, PaymentStatus.REVERSED, PaymentStatus.REVIEW)
SETTLING: dict[str, Callable[[Payment], Payment]] = {
    "succeed": lambda payment: payment.succeed(charged()),
    "reverse": lambda payment: payment.reverse(charged(), "order_cancelled"),
    "review": lambda payment: payment.review(charged(), "amount_mismatch"),
    "fail": lambda payment: payment.fail(declined()),
    "require_action": lambda payment: payment.require_action(requires_action()),
    "abandon": lambda payment: payment.abandon(),
}
TRANSITIONS: dict[str, Callable[[Payment], Payment]] = SETTLING | {
    "check_now": lambda payment: payment.check_now(NOW),
    "schedule_check": lambda payment: payment.schedule_check(NOW),
}


@pytest.mark.parametrize("status", EVERY_STATUS)
@pytest.mark.parametrize("name", TRANSITIONS)
def test_repeating_a_transition_is_harmless(status: PaymentStatus, name: str) -> None:
    once = TRANSITIONS[name](a_payment(status=status))
    assert TRANSITIONS[name](once) == once


@pytest.mark.parametrize("status", CAPTURED)
@pytest.mark.parametrize("name", SETTLING)
def test_a_captured_payment_stays_what_it_is(status: PaymentStatus, name: str) -> None:
    payment = a_payment(status=status)
    assert SETTLING[name](payment) == payment


@pytest.mark.parametrize("status", CAPTURED)
def test_a_second_charge_for_one_payment_is_a_contradiction(status: PaymentStatus) -> None:
    payment = a_payment(status=status)
    with pytest.raises(ContradictoryOutcome) as contradiction:
        payment.succeed(charged("other"))
    assert contradiction.value.settled == payment.charge_id
    assert contradiction.value.reported == "ch_other"


@pytest.mark.parametrize(
    ("charge", "found"),
    [
        (charged(amount=PRICE + PRICE), "amount_mismatch"),
        (charged(amount=Money(PRICE.minor_units - 1, PRICE.currency)), "amount_mismatch"),
        (charged(amount=Money(PRICE.minor_units, Currency("eur"))), "currency_mismatch"),
        (charged(livemode=True), "livemode_mismatch"),
        (charged(), None),
    ],
    ids=["more", "less", "another currency", "real money", "as asked"],
)
def test_a_charge_is_compared_in_amount_currency_and_live_mode(
    charge: Charged, found: str | None
) -> None:
    assert a_payment().mismatch(charge) == found


def test_a_refusal_ends_an_abandoned_payment_as_well() -> None:
    refused = a_payment().abandon().fail(declined(code="lost_card"))
    assert (refused.status, refused.code) == (PaymentStatus.FAILED, "lost_card")
    assert refused.next_check_at is None


def test_only_an_open_payment_can_be_abandoned() -> None:
    for payment in (a_payment(status=status) for status in EVERY_STATUS):
        wanted = PaymentStatus.ABANDONED if payment.is_open else payment.status
        assert payment.abandon().status is wanted


def test_what_was_taken_is_what_the_gateway_says() -> None:
    less, payment = charged(amount=dollars("1")), a_payment()
    for captured in (
        payment.succeed(less),
        payment.reverse(less, "order_cancelled"),
        payment.review(less, "amount_mismatch"),
    ):
        assert (captured.amount, captured.captured_amount) == (PRICE, dollars("1"))


def test_an_abandoned_payment_that_lands_at_the_bank_keeps_its_reference_to_be_called_off() -> None:
    landed = a_payment().abandon().require_action(requires_action())
    assert landed.status is PaymentStatus.ABANDONED
    assert landed.reference == "pi_payment-1"


@given(st.sampled_from(EVERY_STATUS), st.integers(0, 200_000))
def test_what_may_still_change_is_looked_at_again(status: PaymentStatus, seconds: int) -> None:
    now = after(seconds=seconds)
    looked = a_payment(status=status, next_check_at=NOW).schedule_check(now)
    abandoned_lately = status is PaymentStatus.ABANDONED and now < NOW + LATE_CAPTURE_WINDOW
    assert (looked.next_check_at is not None) == (looked.is_open or abandoned_lately)
    assert looked.next_check_at is None or looked.next_check_at > now
    assert not looked.is_open or looked.next_check_at is not None
    if looked.is_open and looked.next_check_at is not None:
        assert looked.next_check_at - now <= CHECK_INTERVAL


def test_an_abandoned_payment_is_looked_at_a_dozen_times_within_a_day() -> None:
    payment, looks = a_payment().abandon(), 0
    while payment.next_check_at is not None:
        payment, looks = payment.schedule_check(payment.next_check_at), looks + 1
    assert looks == 12


def test_a_charge_starts_soon_after_its_claim_or_never() -> None:
    payment = a_payment()
    assert payment.may_be_sent(NOW)
    assert not payment.may_be_sent(NOW + FIRST_CHECK_AFTER)


def test_nothing_counts_as_never_arrived_while_a_request_may_be_on_its_way() -> None:
    # 15 s is what the gateway port allows a call to take.
    assert FIRST_CHECK_AFTER + timedelta(seconds=15) <= CHARGE_WINDOW < ABANDON_AFTER
    payment = a_payment()
    assert payment.may_have_arrived(NOW + CHARGE_WINDOW)
    assert not payment.may_have_arrived(NOW + ABANDON_AFTER)


def test_the_customers_secrets_are_in_no_repr() -> None:
    action = evolve(requires_action(), redirect_url="https://bank.example/secret-way")
    assert "secret" not in repr(action)
