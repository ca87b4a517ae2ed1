"""Stripe's authorizations: held, captured as a whole or in part, released, and run out."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import evolve

from adapters.gateways.stripe.labels import claimed_payment, labels
from adapters.gateways.stripe.notifications import StripeNotificationReader
from application.ports.gateway_history import ListedCharge
from application.ports.gateway_notifications import (
    Notification,
    PaymentNotification,
    UnrelatedNotification,
)
from application.ports.payment_gateway import CardToken, LookupRefused, OutcomeUnknown
from domain.capture import CaptureFailed, CaptureMode
from domain.identifiers import ChargeId
from domain.money import Money
from domain.outcome import Authorized, Charged, Declined
from domain.payment import Payment
from domain.refund import Refunded
from payments_kit.conformance.samples import a_payment, a_refund
from payments_kit.doubles.faults import Kind
from payments_kit.doubles.stripe import captures, intents
from tests.adapters.gateways.stripe_account import CHARGES, Account
from tests.builders import NOW

VISA = CardToken("tok_visa")
LOST: list[Kind] = ["reset_before", "reset_after", "truncate", "garbage"]


def a_manual_payment(minor_units: int = 1000) -> Payment:
    return evolve(a_payment(minor_units), capture_mode=CaptureMode.MANUAL)


async def authorized(each: Account, minor_units: int = 1000) -> Payment:
    """Return a payment that is authorized, as it is stored."""
    payment = a_manual_payment(minor_units)
    outcome = await each.gateway.charge(payment, VISA)
    assert isinstance(outcome, Authorized)
    return evolve(payment, reference=outcome.reference, charge_id=outcome.charge_id)


def capturing(payment: Payment, minor_units: int, attempt: int = 1) -> Payment:
    amount = Money(minor_units, payment.amount.currency)
    return evolve(payment, requested_capture=amount, capture_attempt=attempt)


def expire(each: Account) -> None:
    """Let the only authorization run out."""
    ledger = each.stripe.ledger
    for intent in ledger.payment_intents.values():
        intents.expire(ledger, intent)
    if not ledger.payment_intents:
        (charge,) = ledger.charges.values()
        captures.expire(ledger, charge)


def the_charge(each: Account) -> dict[str, Any]:
    (charge,) = each.stripe.ledger.charges.values()
    return charge


def notifications(each: Account, version: str | None = None) -> list[tuple[str, Notification]]:
    """Return what every event until now means, as an endpoint of this version receives it."""
    reader = StripeNotificationReader(["whsec"], lambda: NOW)
    found = []
    for event in each.stripe.ledger.events.values():
        sent = event if version is None else event | {"api_version": version}
        found.append((event["type"], reader.read_verified(json.dumps(sent).encode())))
    return found


# --- authorized --------------------------------------------------------------------------------


async def test_a_manual_payment_is_authorized_and_found_so(each: Account) -> None:
    payment = await authorized(each)
    charge = the_charge(each)
    before = charge["payment_method_details"]["card"]["capture_before"]
    held = Authorized(
        charge_id=charge["id"],
        amount=payment.amount,
        livemode=False,
        until=datetime.fromtimestamp(before, UTC),
        reference=charge["payment_intent"],
    )
    assert await each.gateway.find(payment) == held
    assert await each.gateway.find(evolve(payment, reference=None, charge_id=None)) == held
    claimed = claimed_payment(charge)
    assert claimed is not None
    assert claimed.capture_mode is CaptureMode.MANUAL
    assert labels(claimed) == labels(payment)


async def test_it_ends_after_seven_days_unless_stripe_says_when(each: Account) -> None:
    payment = await authorized(each)
    charge = the_charge(each)
    del charge["payment_method_details"]["card"]["capture_before"]
    found = await each.gateway.find(payment)
    assert isinstance(found, Authorized)
    assert found.until == datetime.fromtimestamp(charge["created"], UTC) + timedelta(days=7)


@pytest.mark.parametrize("seconds", [True, "1", 10**20, None])
async def test_an_authorization_without_an_end_is_unknown(each: Account, seconds: object) -> None:
    payment = await authorized(each)
    the_charge(each)["payment_method_details"]["card"]["capture_before"] = seconds
    the_charge(each)["created"] = seconds
    with pytest.raises(OutcomeUnknown):
        await each.gateway.capture(capturing(evolve(payment, reference=None), 1))


async def test_an_ordinary_payment_says_nothing_about_its_capture(each: Account) -> None:
    payment = a_payment()
    assert isinstance(await each.gateway.charge(payment, VISA), Charged)
    (request,) = each.sent(each.path)
    assert not {"capture", "capture_method", "return_url"} & set(request["params"])
    assert "capture_mode" not in labels(payment)


def test_a_capture_mode_of_a_later_version_is_not_guessed() -> None:
    found = {"livemode": False, "metadata": labels(a_payment()) | {"capture_mode": "split"}}
    assert claimed_payment(found) is None


# --- captured ----------------------------------------------------------------------------------


@pytest.mark.parametrize("minor_units", [1, 600, 1000])
async def test_a_capture_takes_what_is_requested_and_refunds_nothing(
    each: Account, minor_units: int
) -> None:
    payment = await authorized(each)
    requested = capturing(payment, minor_units)
    outcome = await each.gateway.capture(requested)
    assert outcome == await each.gateway.find(payment)
    assert isinstance(outcome, Charged)
    assert outcome.amount.minor_units == minor_units
    (request,) = [e for e in each.stripe.double.recent if e["path"].endswith("/capture")]
    assert request["key"] == requested.capture_key
    assert await each.gateway.list_refunds(payment) == []
    for version in (None, "2024-06-20"):
        for _, found in notifications(each, version):
            assert not isinstance(found, PaymentNotification) or found.refunded is None


@pytest.mark.parametrize("kind", LOST)
async def test_a_capture_whose_reply_is_lost_is_sent_again(each: Account, kind: Kind) -> None:
    payment = await authorized(each)
    each.stripe.faults.add(kind, "/capture$")
    with pytest.raises(OutcomeUnknown):
        await each.gateway.capture(capturing(payment, 700))
    for attempt in (1, 2):
        outcome = await each.gateway.capture(capturing(payment, 700, attempt))
        assert isinstance(outcome, Charged)
        assert outcome.amount.minor_units == 700
    assert the_charge(each)["amount_captured"] == 700


@pytest.mark.parametrize("kind", [*LOST, "status_after"])
async def test_an_authorization_whose_reply_is_lost_is_found(each: Account, kind: Kind) -> None:
    payment = a_manual_payment()
    each.stripe.faults.add(kind, f"{each.path}$")
    with pytest.raises(OutcomeUnknown):
        await each.gateway.charge(payment, VISA)
    found = await each.gateway.find(payment)
    assert found is None if kind == "reset_before" else isinstance(found, Authorized)


async def test_an_error_of_stripe_is_not_repeated_by_the_next_attempt(each: Account) -> None:
    payment = await authorized(each)
    each.stripe.faults.add("status_before", "/capture$")
    for _ in range(2):  # Stripe repeats the error for the same key
        with pytest.raises(OutcomeUnknown):
            await each.gateway.capture(capturing(payment, 500))
    assert isinstance(await each.gateway.capture(capturing(payment, 500, 2)), Charged)


async def test_a_second_capture_changes_nothing(each: Account) -> None:
    payment = await authorized(each)
    first = await each.gateway.capture(capturing(payment, 400))
    assert await each.gateway.capture(capturing(payment, 900, 2)) == first
    assert the_charge(each)["amount_captured"] == 400


@pytest.mark.parametrize("minor_units", [0, 1001])
async def test_a_capture_of_nothing_or_of_too_much_fails_and_leaves_the_rest(
    each: Account, minor_units: int
) -> None:
    payment = await authorized(each)
    failed = await each.gateway.capture(capturing(payment, minor_units))
    assert isinstance(failed, CaptureFailed)
    assert failed.message
    assert isinstance(await each.gateway.find(payment), Authorized)


async def test_a_refusal_that_is_contradicted_is_unknown(each: Account) -> None:
    payment = await authorized(each)
    error = {"code": "payment_intent_unexpected_state"}
    each.stripe.faults.add("status_before", "/capture$", status=400, error=error)
    with pytest.raises(OutcomeUnknown):
        await each.gateway.capture(capturing(payment, 100))


async def test_an_amount_that_stripe_cannot_express_is_not_captured(each: Account) -> None:
    payment = await authorized(each)
    odd = evolve(payment, requested_capture=Money(101, a_payment(100, "kwd").amount.currency))
    assert isinstance(await each.gateway.capture(odd), CaptureFailed)


async def test_what_the_other_api_has_authorized_is_captured_and_released(each: Account) -> None:
    other = each.intents if each.path == CHARGES else each.charges
    payment = await authorized(each)
    assert isinstance(await other.find(payment), Authorized)
    assert isinstance(await other.capture(capturing(payment, 300)), Charged)
    payment = await authorized(each)
    assert await other.cancel(payment) == Declined("canceled", payment.reference)
    assert await other.find(payment) == Declined("canceled", payment.reference)


async def test_a_payment_without_references_is_found_before_its_capture(each: Account) -> None:
    payment = capturing(evolve(await authorized(each), reference=None, charge_id=None), 250)
    assert isinstance(await each.gateway.capture(payment), Charged)
    with pytest.raises(OutcomeUnknown):
        await each.gateway.capture(capturing(a_manual_payment(), 1))


async def test_a_charge_that_stripe_does_not_know_cannot_be_captured(each: Account) -> None:
    payment = evolve(await authorized(each), reference=None, charge_id=ChargeId("ch_unknown"))
    with pytest.raises(LookupRefused):
        await each.gateway.capture(capturing(payment, 1))


async def test_a_partly_captured_charge_is_refunded_up_to_what_was_captured(each: Account) -> None:
    payment = await authorized(each)
    charged = await each.gateway.capture(capturing(payment, 600))
    assert isinstance(charged, Charged)
    refund = a_refund(payment, charged, 600)
    await each.gateway.refund(payment, refund)
    (reported,) = await each.gateway.list_refunds(payment)
    assert reported.amount.minor_units == 600
    refunds = [
        found.refunded
        for _, found in notifications(each)
        if isinstance(found, PaymentNotification) and found.refunded
    ]
    assert {each.minor_units for each in refunds} == {600}


async def test_what_earlier_versions_of_the_api_list_of_a_release_is_no_refund(
    each: Account,
) -> None:
    payment = await authorized(each)
    charged = await each.gateway.capture(capturing(payment, 600))
    assert isinstance(charged, Charged)
    refunded = await each.gateway.refund(payment, a_refund(payment, charged, 100))
    assert isinstance(refunded, Refunded)
    made = each.stripe.ledger.refunds
    for release in ({"balance_transaction": None}, {"reason": "expired_uncaptured_charge"}):
        other = {**made[refunded.reference], "metadata": {}, "amount": 400, **release}
        other["id"] = each.stripe.ledger.new_id("re")
        made[other["id"]] = other
    (reported,) = await each.gateway.list_refunds(payment)
    assert reported.reference == refunded.reference


# --- released ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [None, *LOST, "status_before", "status_after"])
async def test_an_authorization_is_released_even_if_the_first_attempt_fails(
    each: Account, kind: Kind | None
) -> None:
    payment = await authorized(each)
    if kind is not None:
        each.stripe.faults.add(kind, "/cancel$|/refunds$")
        with pytest.raises(OutcomeUnknown):
            await each.gateway.cancel(payment)
    for _ in range(2):
        assert await each.gateway.cancel(payment) == Declined("canceled", payment.reference)
    released = await each.gateway.capture(capturing(payment, 100))
    assert released == Declined("canceled", payment.reference)
    assert await each.gateway.list_refunds(payment) == []


async def test_a_release_is_never_reported_as_a_refund(each: Account) -> None:
    payment = await authorized(each)
    await each.gateway.cancel(payment)
    as_sent = notifications(each)
    for event in each.stripe.ledger.events.values():
        if "refund." in event["type"]:  # so far, nothing but our label says that it is one
            event["data"]["object"] |= {"status": "pending", "balance_transaction": "txn_1"}
    for type_, found in (*as_sent, *notifications(each)):
        if "refund." in type_:
            assert isinstance(found, UnrelatedNotification)
        elif isinstance(found, PaymentNotification):
            assert found.refunded is None


@pytest.mark.parametrize("is_captured", [False, True])
async def test_what_a_release_has_given_back_is_a_refund_only_of_what_was_captured_meanwhile(
    each: Account, is_captured: bool
) -> None:
    payment = await authorized(evolve(each, path=CHARGES))
    charge = the_charge(each)
    await each.charges.cancel(payment)
    (release,) = each.stripe.ledger.refunds.values()
    # So far, nothing but our label says that it is one.
    release |= {"status": "pending", "balance_transaction": "txn_1"}
    charge["captured"] = is_captured
    assert len(await each.gateway.list_refunds(payment)) == is_captured


async def test_a_captured_payment_is_not_released(each: Account) -> None:
    payment = await authorized(each)
    charged = await each.gateway.capture(capturing(payment, 1000))
    assert await each.gateway.cancel(payment) == charged
    assert the_charge(each)["amount_refunded"] == 0


async def test_a_release_that_has_no_effect_is_unknown(each: Account) -> None:
    payment = await authorized(each)
    each.stripe.faults.add("status_before", "/cancel$|/refunds$", status=400, error={"code": "x"})
    with pytest.raises(OutcomeUnknown):
        await each.gateway.cancel(payment)


@pytest.mark.parametrize("code", ["charge_already_refunded", "charge_expired_for_capture"])
async def test_nothing_is_held_if_stripe_refuses_a_release_for_that(
    each: Account, code: str
) -> None:
    payment = await authorized(each)
    if payment.reference is None:  # an intent says itself what has become of it
        error = {"type": "invalid_request_error", "code": code}
        each.stripe.faults.add("status_before", "/refunds$", status=400, error=error)
        assert await each.gateway.cancel(payment) == Declined("canceled", None)


async def test_an_authorization_that_has_run_out_is_declined(each: Account) -> None:
    payment = await authorized(each)
    expire(each)
    captured = await each.gateway.capture(capturing(payment, 100))
    assert isinstance(captured, Declined)
    assert isinstance(await each.gateway.cancel(payment), Declined)
    assert the_charge(each)["amount_captured"] == 0


# --- notifications and lists -------------------------------------------------------------------


async def test_each_step_is_reported(each: Account) -> None:
    payment = await authorized(each)
    held = await each.gateway.find(payment)
    captured = await each.gateway.capture(capturing(payment, 600))
    outcomes = {
        type_: found.outcome
        for type_, found in notifications(each)
        if isinstance(found, PaymentNotification)
    }
    assert outcomes["charge.succeeded"] == held
    assert outcomes["charge.captured"] == captured
    if each.path != CHARGES:
        assert outcomes["payment_intent.amount_capturable_updated"] is None
        assert outcomes["payment_intent.succeeded"] == captured


async def test_the_end_of_an_authorization_is_reported(each: Account) -> None:
    payment = await authorized(each)
    expire(each)
    outcomes = [
        found.outcome
        for type_, found in notifications(each)
        if isinstance(found, PaymentNotification) and type_ in ENDS
    ]
    assert outcomes
    assert set(outcomes) == {Declined("expired", payment.reference)}


ENDS = ("charge.expired", "payment_intent.canceled")


async def test_authorizations_are_listed_until_they_end(each: Account) -> None:
    now = datetime.now(UTC)
    window = (now - timedelta(minutes=5), now + timedelta(minutes=5))
    payment = await authorized(each)
    held = await each.gateway.find(payment)
    (listed,) = await each.gateway.list_charges(*window)
    assert isinstance(listed, ListedCharge)
    assert listed.payment.capture_mode is CaptureMode.MANUAL
    assert (listed.outcome, listed.refunded.minor_units) == (held, 0)
    charged = await each.gateway.capture(capturing(payment, 600))
    (listed,) = await each.gateway.list_charges(*window)
    assert isinstance(listed, ListedCharge)
    assert (listed.outcome, listed.refunded.minor_units) == (charged, 0)


async def test_a_released_authorization_is_not_listed(each: Account) -> None:
    now = datetime.now(UTC)
    await each.gateway.cancel(await authorized(each))
    listed = await each.gateway.list_charges(now - timedelta(minutes=5), now + timedelta(minutes=5))
    assert listed == []


@pytest.mark.parametrize(
    ("version", "refunded", "expected"),
    [
        ("2024-06-20", 400, None),
        ("2024-06-20", 500, 100),
        ("2024-06-20", 0, None),
        ("2025-02-24.acacia", 500, 100),
        ("2025-03-31.basil", 500, 500),
        ("2026-10-28.endive", 400, 400),
        ("2026-10-28.endive", 600, 600),
        ("2026-10-28.endive", 700, 300),  # more than was captured: the release is counted
    ],
)
async def test_what_is_released_is_not_refunded_in_any_version_of_the_api(
    each: Account, version: str, refunded: int, expected: int | None
) -> None:
    payment = await authorized(each)
    await each.gateway.capture(capturing(payment, 600))
    charge = the_charge(each) | {"amount_refunded": refunded}
    event = {
        "id": "evt_1",
        "object": "event",
        "api_version": version,
        "type": "charge.refunded",
        "data": {"object": charge},
    }
    reader = StripeNotificationReader(["whsec"], lambda: NOW)
    found = reader.read_verified(json.dumps(event).encode())
    assert isinstance(found, PaymentNotification)
    assert (found.refunded and found.refunded.minor_units) == expected
