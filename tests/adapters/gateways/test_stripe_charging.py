"""What Stripe's adapters send for a charge, and how they translate each reply."""

import asyncio
import copy
import logging
import re

import pytest
from attrs import evolve

from adapters.gateways import calls
from adapters.gateways.stripe import client as stripe_client
from adapters.gateways.stripe import tokens as stripe_tokens
from adapters.gateways.stripe.charges import StripeCharges
from adapters.gateways.stripe.client import StripeApi
from adapters.gateways.stripe.labels import labels
from adapters.gateways.stripe.payment_intents import StripePaymentIntents
from application.ports.payment_gateway import (
    CALL_SECONDS,
    CardToken,
    GatewayUnavailable,
    LookupRefused,
    OutcomeUnknown,
)
from domain.capture import CaptureMode
from domain.check_times import CHARGE_WINDOW
from domain.identifiers import OrderId
from domain.outcome import Authorized, Charged, Declined, Refused, RequiresAction
from payments_kit.conformance.samples import a_payment, a_refund
from payments_kit.doubles.faults import Kind
from payments_kit.doubles.stripe import charges, intents, lifecycle
from payments_kit.doubles.stripe.ledger import Plan
from tests.adapters.gateways.stripe_account import CHARGES, INTENTS, KEY, Account, stripe_account

VISA = CardToken("tok_visa")
AUTHENTICATING = CardToken("tok_threeDSecure2Required")
METHODS = "/v1/payment_methods"


def leave_seconds(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Leave a charge only this much of its time."""
    margin = CALL_SECONDS - seconds
    monkeypatch.setattr(calls, "MARGIN_SECONDS", margin)
    monkeypatch.setattr(stripe_tokens, "_SEND_SECONDS", 0.0)


# --- requests ----------------------------------------------------------------------------------


async def test_a_charge_has_its_payment_as_key_and_metadata(account: Account) -> None:
    payment = a_payment(1999)
    await account.charges.charge(payment, VISA)
    (request,) = account.sent(CHARGES)
    assert request["key"] == payment.id
    assert request["params"] == {
        "amount": "1999",
        "currency": "usd",
        "source": "tok_visa",
        "metadata": labels(payment),
    }


async def test_a_token_is_charged_in_two_requests_with_a_key_each(account: Account) -> None:
    payment = a_payment()
    await account.intents.charge(payment, VISA)
    (method,), (intent,) = account.sent(METHODS), account.sent(INTENTS)
    assert (method["key"], intent["key"]) == (f"{payment.id}:method", payment.id)
    assert method["params"] == {"type": "card", "card": {"token": "tok_visa"}}
    assert intent["params"]["metadata"] == labels(payment)
    assert intent["params"]["confirm"] == "true"
    assert intent["params"]["automatic_payment_methods"]["allow_redirects"] == "never"
    (charge,) = account.stripe.ledger.charges.values()
    assert charge["metadata"] == labels(payment)


async def test_a_payment_method_is_charged_in_one_request(account: Account) -> None:
    outcome = await account.intents.charge(a_payment(), CardToken("pm_card_visa"))
    assert isinstance(outcome, Charged)
    assert account.sent(METHODS) == []


async def test_an_order_id_that_is_too_long_for_metadata_is_cut(each: Account) -> None:
    payment = evolve(a_payment(), order_id=OrderId("o" * 600))
    assert isinstance(await each.gateway.charge(payment, VISA), Charged)
    assert len(each.sent(each.path)[0]["params"]["metadata"]["order_id"]) == 500


async def test_an_amount_stripe_cannot_express_is_refused_before_a_request(each: Account) -> None:
    outcome = await each.gateway.charge(a_payment(1234, "kwd"), VISA)
    assert outcome == Refused("amount_not_supported", "Stripe cannot charge exactly 1.234 kwd")
    assert not each.stripe.double.recent


# --- replies -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("token", "minor_units", "code"),
    [
        ("tok_chargeDeclined", 1000, "generic_decline"),
        ("tok_chargeDeclinedInsufficientFunds", 1000, "insufficient_funds"),
        ("tok_chargeDeclinedExpiredCard", 1000, "expired_card"),
        ("tok_chargeDeclinedIncorrectCvc", 1000, "incorrect_cvc"),
        ("tok_chargeDeclinedProcessingError", 1000, "processing_error"),
        ("tok_unknown", 1000, "resource_missing"),
    ],
)
async def test_a_refused_card_is_a_decline_with_the_most_specific_code(
    each: Account, token: str, minor_units: int, code: str
) -> None:
    outcome = await each.gateway.charge(a_payment(minor_units), CardToken(token))
    assert isinstance(outcome, Declined)
    assert outcome.code == code


@pytest.mark.parametrize(
    ("status", "error"),
    [
        *((status, GatewayUnavailable) for status in (401, 403, 429)),
        *((status, OutcomeUnknown) for status in (409, 424, 500, 502, 503)),
    ],
)
async def test_a_status_means_what_stripe_documents(
    each: Account, status: int, error: type[Exception]
) -> None:
    each.stripe.faults.add("status_before", f"^{each.path}$", status=status)
    with pytest.raises(error):
        await each.gateway.charge(a_payment(), VISA)
    assert not each.stripe.ledger.charges


@pytest.mark.parametrize(
    ("kind", "html_status"),
    [
        *(("status_after", status) for status in (400, 401, 403, 404, 429, 503)),
        *((kind, None) for kind in ("reset_before", "reset_after", "truncate", "garbage")),
        ("timeout_after", None),
    ],
)
async def test_a_missing_or_broken_reply_or_an_html_page_leaves_the_outcome_unknown(
    each: Account, monkeypatch: pytest.MonkeyPatch, kind: Kind, html_status: int | None
) -> None:
    if kind == "timeout_after":
        leave_seconds(monkeypatch, 2.0)
    html = {"status": html_status, "html": True} if html_status else {}
    each.stripe.faults.add(kind, f"^{each.path}$", **html)
    payment = a_payment()
    with pytest.raises(OutcomeUnknown) as unknown:
        await each.gateway.charge(payment, VISA)
    # The SDK's own error quotes bodies, so that it must not be chained.
    assert unknown.value.__context__ is unknown.value.__cause__ is None
    assert (await each.gateway.find(payment) is None) == (kind == "reset_before")


async def test_a_query_ends_in_time(each: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stripe_client, "LOOKUP_SECONDS", 0.2)
    each.stripe.faults.add("timeout_before", method="*", times=-1)
    with pytest.raises(OutcomeUnknown):
        await each.gateway.find(a_payment())


async def test_a_pending_charge_is_unknown_until_it_ends(each: Account) -> None:
    each.stripe.ledger.next_charges.append(Plan("pending"))
    payment = a_payment()
    with pytest.raises(OutcomeUnknown):
        await each.gateway.charge(payment, VISA)
    with pytest.raises(OutcomeUnknown):
        await each.gateway.find(payment)
    (charge,) = each.stripe.ledger.charges.values()
    lifecycle.finish(each.stripe.ledger, charge, succeeded=True)
    assert isinstance(await each.gateway.find(payment), Charged)


async def test_amount_and_currency_are_those_that_stripe_reports(each: Account) -> None:
    report = {"amount": 777, "amount_captured": 777, "currency": "eur", "livemode": True}
    each.stripe.ledger.next_charges.append(Plan(report=report))
    payment = a_payment()
    outcome = await each.gateway.charge(payment, VISA)
    assert isinstance(outcome, Charged)
    assert (str(outcome.amount), outcome.livemode) == ("7.77 eur", True)
    assert await each.gateway.find(payment) == outcome


async def test_a_slow_conversion_leaves_the_charge_time_to_be_sent(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_seconds(monkeypatch, 3.0)
    account.stripe.faults.add("slow", f"^{METHODS}$", seconds=1.0)
    account.stripe.faults.add("slow", f"^{INTENTS}$", seconds=3.0)
    payment = a_payment()
    with pytest.raises(OutcomeUnknown):  # not GatewayUnavailable: it was sent
        await account.intents.charge(payment, VISA)
    account.stripe.faults.add("slow", method="GET", seconds=1.0, times=-1)
    found = None
    while found is None:  # Stripe executes it although we no longer wait
        found = await account.intents.find(payment)
    assert isinstance(found, Charged)


# --- find --------------------------------------------------------------------------------------


async def test_a_charge_that_is_executed_late_is_found(each: Account) -> None:
    each.stripe.faults.add("late", f"^{each.path}$", seconds=600)
    payment = a_payment()
    with pytest.raises(OutcomeUnknown):
        await each.gateway.charge(payment, VISA)
    assert await each.gateway.find(payment) is None
    each.stripe.faults.release()
    await asyncio.wait_for(asyncio.gather(*each.stripe.double.wire.late), 60)
    assert isinstance(await each.gateway.find(payment), Charged)


@pytest.mark.parametrize("seconds", [-58.0, CHARGE_WINDOW.total_seconds() + 58])
async def test_a_charge_is_in_the_list_although_the_clocks_differ_by_a_minute(
    each: Account, seconds: float
) -> None:
    each.stripe.faults.add("status_before", "/search$", method="GET", status=403, times=-1)
    now = each.stripe.ledger.now()
    each.stripe.ledger.now = lambda: now + seconds
    payment = a_payment()
    charged = await each.gateway.charge(payment, VISA)
    assert isinstance(charged, Charged)
    assert await each.gateway.find(payment) == charged


@pytest.mark.parametrize("is_captured", [(True, False), (False, True)])
async def test_of_two_charges_of_a_payment_the_captured_one_counts(
    account: Account, is_captured: tuple[bool, bool]
) -> None:
    payment = a_payment(1000)
    params = {"amount": 1000, "currency": "usd", "source": "tok_visa", "metadata": labels(payment)}
    for capture in is_captured:
        charges.create(account.stripe.ledger, {**params, "capture": capture})
    assert isinstance(await account.charges.find(payment), Charged)


async def test_a_charge_after_the_listed_time_is_found_by_search(each: Account) -> None:
    each.stripe.ledger.search_lag = 0
    now = each.stripe.ledger.now()
    each.stripe.ledger.now = lambda: now + 3600
    payment = a_payment()
    charged = await each.gateway.charge(payment, VISA)
    assert await each.gateway.find(payment) == charged


async def test_what_search_shows_late_does_not_change_the_result_of_the_list(
    each: Account,
) -> None:
    ledger, payment = each.stripe.ledger, evolve(a_payment(), capture_mode=CaptureMode.MANUAL)
    ledger.search_lag = 0
    held = await each.gateway.charge(payment, VISA)
    assert isinstance(held, Authorized)
    for objects in (ledger.charges, ledger.payment_intents):
        ledger.indexed |= copy.deepcopy(objects)
    stored = evolve(payment, reference=held.reference, charge_id=held.charge_id)
    captured = await each.gateway.capture(evolve(stored, requested_capture=payment.amount))
    assert isinstance(captured, Charged)
    assert await each.gateway.find(payment) == captured


async def test_a_failed_search_does_not_change_the_result_of_the_list(each: Account) -> None:
    each.stripe.faults.add("status_before", "/search$", method="GET", status=403, times=-1)
    assert await each.gateway.find(a_payment()) is None


async def test_a_payment_is_found_beyond_the_first_page(each: Account) -> None:
    payment = a_payment()
    charged = await each.gateway.charge(payment, VISA)
    for objects in (each.stripe.ledger.charges, each.stripe.ledger.payment_intents):
        for first in list(objects.values()):
            for number in range(stripe_client.PAGE + 5):
                copy_id = f"{first['id']}{number}"
                objects[copy_id] = {**first, "id": copy_id, "metadata": {}}
    assert await each.gateway.find(payment) == charged


# --- payment intents ---------------------------------------------------------------------------


@pytest.mark.parametrize("cancellation_fails", [False, True])
async def test_the_intent_of_a_declined_card_is_canceled_at_once_or_when_it_is_found(
    account: Account, cancellation_fails: bool
) -> None:
    if cancellation_fails:
        account.stripe.faults.add("status_before", "/cancel$", status=500)
    payment = a_payment()
    outcome = await account.intents.charge(payment, CardToken("tok_chargeDeclined"))
    (intent,) = account.stripe.ledger.payment_intents.values()
    assert (intent["status"] == "canceled") is not cancellation_fails
    assert outcome == Declined("generic_decline", intent["id"])
    assert await account.intents.find(payment) == outcome
    assert intent["status"] == "canceled"


@pytest.mark.parametrize(
    ("kind", "status", "error"),
    [
        *((kind, 500, GatewayUnavailable) for kind in ("reset_after", "truncate", "garbage")),
        ("status_after", 500, GatewayUnavailable),
        ("status_before", 409, OutcomeUnknown),  # another request uses our key
    ],
)
async def test_a_failure_before_the_charge_was_sent_captures_nothing(
    account: Account, kind: Kind, status: int, error: type[Exception]
) -> None:
    account.stripe.faults.add(kind, f"^{METHODS}$", status=status)
    with pytest.raises(error):
        await account.intents.charge(a_payment(), VISA)
    assert account.sent(INTENTS) == []


async def test_an_intent_canceled_externally_is_declined_with_the_reason(account: Account) -> None:
    payment = a_payment()
    action = await account.intents.charge(payment, AUTHENTICATING)
    assert isinstance(action, RequiresAction)
    reason = {"cancellation_reason": "fraudulent"}
    intents.cancel(account.stripe.ledger, action.reference, reason)
    assert await account.intents.find(payment) == Declined("fraudulent", action.reference)


async def test_a_decline_after_authentication_cancels_the_intent(account: Account) -> None:
    payment = a_payment()
    token = CardToken("tok_threeDSecureRequiredChargeDeclined")
    action = await account.intents.charge(payment, token)
    assert isinstance(action, RequiresAction)
    intent = account.stripe.ledger.payment_intents[action.reference]
    lifecycle.authenticate(account.stripe.ledger, intent, succeeded=True)
    payment = evolve(payment, reference=action.reference)
    assert await account.intents.find(payment) == Declined("generic_decline", action.reference)
    assert intent["status"] == "canceled"


async def test_a_cancellation_that_is_too_late_finds_the_charge(account: Account) -> None:
    payment, ledger = a_payment(), account.stripe.ledger
    action = await account.intents.charge(payment, AUTHENTICATING)
    assert isinstance(action, RequiresAction)
    intent = ledger.payment_intents[action.reference]
    account.stripe.faults.add("slow", "/cancel$", seconds=0.3)
    cancelling = asyncio.create_task(account.intents.cancel(payment))
    while not account.stripe.faults.happened["slow"]:  # noqa: ASYNC110 - no event tells it
        await asyncio.sleep(0.01)
    lifecycle.authenticate(ledger, intent, succeeded=True)
    assert isinstance(await cancelling, Charged)


async def test_a_payment_made_with_the_charges_api_is_found_with_intents(account: Account) -> None:
    payment = a_payment()
    charged = await account.charges.charge(payment, VISA)
    assert await account.intents.find(payment) == charged


# --- the client --------------------------------------------------------------------------------


async def test_a_valid_key_passes_the_check_which_only_reads(each: Account) -> None:
    await each.gateway.check()
    assert {request["method"] for request in each.stripe.double.recent} == {"GET"}


@pytest.mark.parametrize("path", [CHARGES, INTENTS])
async def test_the_check_names_every_permission_that_a_restricted_key_lacks(path: str) -> None:
    async with stripe_account(path, "rk_test_shop") as account:
        await account.gateway.check()
        account.stripe.double.forbidden = {
            "GET /v1/charges": "rak_charge_read",
            "GET /v1/refunds": "rak_refund_read",
        }
        with pytest.raises(LookupRefused, match=r"rak_charge_read.*rak_refund_read") as failed:
            await account.gateway.check()
    assert "rk_test_shop" not in str(failed.value)
    assert "\n" not in str(failed.value)


@pytest.mark.parametrize(
    ("key", "address", "problem"),
    [
        ("sk_live_secret", None, r"401[^;]*refuses our API key"),
        (KEY, "http://127.0.0.1:1", "no connection"),
    ],
)
async def test_a_failed_check_has_one_line_without_the_key(
    key: str, address: str | None, problem: str
) -> None:
    async with stripe_account(CHARGES, key, address) as account:
        with pytest.raises(OutcomeUnknown, match=f"^.*{problem}.*$") as failed:
            await account.gateway.check()
    assert key not in repr(failed.value)
    assert len(re.findall(problem, str(failed.value))) == 1, "it is said once for all lists"


@pytest.mark.parametrize(
    ("key", "live"),
    [("sk_live_x", True), ("rk_live_x", True), ("sk_test_x", False), ("rk_test_x", False)],
)
def test_the_key_determines_the_mode_and_is_in_no_repr(key: str, live: bool) -> None:
    for gateway in (StripeCharges(StripeApi(key)), StripePaymentIntents(StripeApi(key))):
        assert gateway.livemode is live
        assert key not in repr(gateway)


@pytest.mark.parametrize("token", ["tok_visa", "tok_chargeDeclined", "tok_unknown", "pm_unknown"])
async def test_no_secret_of_a_charge_is_logged(
    each: Account,
    token: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="stripe")
    payment = a_payment()
    outcome = await each.gateway.charge(payment, CardToken(token))
    if isinstance(outcome, Charged):
        await each.gateway.refund(payment, a_refund(payment, outcome))
    output = caplog.text + "".join(capfd.readouterr())
    assert not [secret for secret in (token, KEY, "secret") if secret in output]
