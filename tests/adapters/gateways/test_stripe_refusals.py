"""Whose fault an error of Stripe is, and what it means for the request that it answers."""

from typing import Any, get_args

import pytest
import stripe

from adapters.gateways.stripe import refusals
from adapters.gateways.stripe.client import StripeApi
from adapters.gateways.stripe.payment_intents import StripePaymentIntents
from adapters.gateways.stripe.refusals import Error, Fault, fault_of, redacted
from application.ports.payment_gateway import (
    CardToken,
    GatewayUnavailable,
    KeyRefused,
    LookupRefused,
    OutcomeUnknown,
)
from domain.outcome import MAX_MESSAGE, Charged, Declined, Refused
from payments_kit.conformance.samples import a_payment
from payments_kit.doubles.stripe import methods
from tests.adapters.gateways.stripe_account import INTENTS, KEY, Account, stripe_account

VISA = CardToken("tok_visa")
INVALID, CARD = "invalid_request_error", "card_error"
OTHER_MODE = (
    "No such PaymentMethod: 'pm_1'; a similar object exists in live mode, but a test mode key was"
    " used to make this request."
)
USED = "The provided PaymentMethod was previously used with a PaymentIntent without Customer"

CUSTOMER: list[dict[str, Any]] = [
    {"type": CARD, "code": "card_declined", "decline_code": "insufficient_funds"},
    {"type": CARD, "code": "a_code_of_tomorrow"},
    {"type": CARD},
    {"type": CARD, "code": "card_declined", "decline_code": "live_mode_test_card"},
    {"type": INVALID, "code": "token_already_used"},
    {"type": INVALID, "code": "resource_missing", "param": "source"},
    {"type": INVALID, "code": "resource_missing", "param": "payment_method"},
    {"type": INVALID, "code": "resource_missing", "param": "card[token]"},
    {"type": INVALID, "code": "a_code_of_tomorrow", "param": "payment_method"},
    {"type": INVALID, "message": USED},
    {"type": INVALID, "code": "payment_method_currency_mismatch"},
    {"type": INVALID, "code": "invalid_source_usage"},
    {"type": INVALID, "code": "refer_to_customer"},
    {"type": INVALID, "code": "tax_id_invalid"},
    {"type": INVALID, "code": "india_recurring_payment_mandate_canceled"},
    {"type": INVALID, "code": "financial_connections_account_inactive"},
]
SHOP: list[dict[str, Any]] = [
    {"type": INVALID, "code": "amount_too_small", "param": "amount"},
    {"type": INVALID, "code": "amount_too_large", "param": "amount"},
    {"type": CARD, "code": "amount_too_small", "param": "amount"},
    {"type": INVALID, "code": "invalid_charge_amount"},
    {"type": INVALID, "code": "token_in_use"},
    {"type": INVALID, "code": "testmode_charges_only"},
    {"type": INVALID, "code": "country_unsupported"},
    {"type": INVALID, "code": "livemode_mismatch"},
    {"type": INVALID, "code": "capability_not_active"},
    {"type": INVALID, "code": "payment_method_unactivated", "param": "payment_method"},
    {"type": INVALID, "code": "parameter_unknown", "param": "payment_method_types"},
    {"type": INVALID, "param": "currency", "message": "Invalid currency: xyz"},
    {"type": INVALID, "code": "resource_missing", "param": "payment_method", "message": OTHER_MODE},
    {"type": INVALID, "code": "a_code_of_tomorrow"},
    {"type": INVALID},
    {"type": CARD, "code": "card_declined", "decline_code": "test_mode_live_card"},
]
NOBODY: list[dict[str, Any]] = [
    {"type": INVALID, "code": "lock_timeout"},
    {"type": INVALID, "code": "rate_limit"},
]
UNKNOWN: list[dict[str, Any]] = [
    {"type": INVALID, "code": "payment_intent_unexpected_state"},
    {"type": INVALID, "code": "intent_invalid_state", "param": "payment_method"},
    {"type": INVALID, "code": "charge_already_captured"},
    {"type": CARD, "code": "resource_already_exists"},
]


def test_every_listed_code_is_one_that_stripe_documents() -> None:
    documented = get_args(
        get_args(stripe.PaymentIntent.LastPaymentError.__annotations__["code"])[0]
    )
    tables = (refusals._CUSTOMER, refusals._SHOP, refusals._NOBODY, refusals._UNKNOWN)
    listed = frozenset[str]().union(*tables)
    assert listed <= set(documented)
    assert len(listed) == sum(map(len, tables)), "each code is in one table"


@pytest.mark.parametrize(
    ("bodies", "fault"),
    [
        *((CUSTOMER, Fault.CUSTOMER), (SHOP, Fault.SHOP)),
        *((NOBODY, Fault.NOBODY), (UNKNOWN, Fault.UNKNOWN)),
    ],
)
def test_an_error_is_the_fault_of(bodies: list[dict[str, Any]], fault: Fault) -> None:
    assert [body for body in bodies if fault_of(Error(body, 400)) is not fault] == []


@pytest.mark.parametrize("value", [None, 7, [], {}, "", "no code", "x" * 100])
def test_a_field_of_any_type_is_no_crash(value: object) -> None:
    body = dict.fromkeys(("type", "code", "decline_code", "param", "message"), value)
    outcome = refusals.outcome_of_error(Error(body, 400))
    assert isinstance(outcome, Refused)
    assert outcome.code == "invalid_request"


@pytest.mark.parametrize("body", CUSTOMER)
async def test_the_customer_s_fault_is_a_decline(each: Account, body: dict[str, Any]) -> None:
    each.stripe.faults.add("status_before", f"^{each.path}$", status=400, error=body)
    assert isinstance(await each.gateway.charge(a_payment(), VISA), Declined)


@pytest.mark.parametrize("body", SHOP)
async def test_the_shop_s_fault_is_a_refusal_in_stripe_s_words(
    each: Account, body: dict[str, Any]
) -> None:
    error = {"message": "Your account says no to tok_visa"} | body
    each.stripe.faults.add("status_before", f"^{each.path}$", status=400, error=error)
    outcome = await each.gateway.charge(a_payment(), VISA)
    assert isinstance(outcome, Refused)
    assert outcome.message.split()[0] == error["message"].split()[0]
    assert "req_" in outcome.message
    assert "tok_visa" not in outcome.message


@pytest.mark.parametrize("body", UNKNOWN)
async def test_an_error_about_an_earlier_request_is_no_proof_that_nothing_was_charged(
    each: Account, body: dict[str, Any]
) -> None:
    each.stripe.faults.add("status_after", f"^{each.path}$", status=400, error=body)
    with pytest.raises(OutcomeUnknown, match=body["code"]):
        await each.gateway.charge(a_payment(), VISA)


@pytest.mark.parametrize("minor_units", [10, 49, 99_999_999_999])
async def test_an_amount_that_stripe_does_not_take_is_a_refusal(
    each: Account, minor_units: int
) -> None:
    outcome = await each.gateway.charge(a_payment(minor_units), VISA)
    assert isinstance(outcome, Refused)
    assert outcome.code in ("amount_too_small", "amount_too_large")


async def test_a_refused_key_is_unavailable_and_says_why(each: Account) -> None:
    error = {"message": "Invalid API Key provided: sk_test_****abcd"}
    each.stripe.faults.add("status_before", status=401, error=error)
    with pytest.raises(KeyRefused, match="Invalid API Key provided: <redacted>"):
        await each.gateway.charge(a_payment(), VISA)


async def test_a_key_that_may_not_read_makes_the_outcome_impossible_to_find(
    each: Account,
) -> None:
    async with stripe_account(each.path, "rk_test_shop") as account:
        account.stripe.double.forbidden = {"GET": "rak_charge_read"}
        with pytest.raises(LookupRefused, match="rak_charge_read"):
            await account.gateway.find(a_payment())


# --- repeating a request with the same token ----------------------------------------------------


def a_token(account: Account) -> CardToken:
    """Return a token that can be used once, unlike the test tokens."""
    card = {"card": {"number": "4242424242424242"}}
    return CardToken(methods.create_token(account.stripe.ledger, card)["id"])


@pytest.mark.parametrize(
    "error",
    [
        {"status": 429, "error": {"code": "rate_limit"}},
        {"status": 429, "error": {"code": "lock_timeout"}},
        {"status": 400, "error": {"code": "lock_timeout"}},
        {"status": 429, "error": {"type": "an_error_of_tomorrow"}},
        {"status": 401, "error": {"type": "an_error_of_tomorrow"}},
        {"status": 403},
    ],
)
async def test_a_request_that_stripe_did_not_execute_succeeds_with_the_same_token(
    each: Account, error: dict[str, Any]
) -> None:
    token = a_token(each)
    each.stripe.faults.add("status_before", f"^{each.path}$", **error)
    with pytest.raises(GatewayUnavailable):
        await each.gateway.charge(a_payment(), token)
    assert isinstance(await each.gateway.charge(a_payment(), token), Charged)


@pytest.mark.parametrize("kind", ["reset_after", "truncate", "garbage", "status_before"])
async def test_a_failed_conversion_can_be_repeated_with_the_same_token(
    account: Account, kind: Any
) -> None:
    token = a_token(account)
    account.stripe.faults.add(kind, "^/v1/payment_methods$")
    with pytest.raises(GatewayUnavailable):
        await account.intents.charge(a_payment(), token)
    assert isinstance(await account.intents.charge(a_payment(), token), Charged)


class LiveApi(StripeApi):
    """An account in live mode, although the double knows keys for the test mode only."""

    @property
    def livemode(self) -> bool:
        return True


async def test_a_conversion_in_live_mode_whose_reply_was_lost_can_be_repeated_with_the_same_token(
    account: Account,
) -> None:
    token, api = a_token(account), LiveApi(KEY, account.stripe.url)
    account.stripe.faults.add("reset_after", "^/v1/payment_methods$")
    gateway = StripePaymentIntents(api)
    with pytest.raises(GatewayUnavailable):
        await gateway.charge(a_payment(), token)
    assert isinstance(await gateway.charge(a_payment(), token), Charged)
    await api.close()


async def test_a_conversion_that_another_request_has_in_progress_is_unavailable(
    account: Account,
) -> None:
    token = a_token(account)
    error = {"code": "idempotency_key_in_use"}
    account.stripe.faults.add("status_before", "^/v1/payment_methods$", status=409, error=error)
    with pytest.raises(GatewayUnavailable):
        await account.intents.charge(a_payment(), token)
    assert account.sent(INTENTS) == []
    assert isinstance(await account.intents.charge(a_payment(), token), Charged)


async def test_a_token_that_has_paid_is_declined_the_second_time(each: Account) -> None:
    token = a_token(each)
    assert isinstance(await each.gateway.charge(a_payment(), token), Charged)
    assert isinstance(await each.gateway.charge(a_payment(), token), Declined)


async def test_a_token_is_not_in_its_idempotency_key(account: Account) -> None:
    token = a_token(account)
    await account.intents.charge(a_payment(), token)
    (request,) = account.sent("/v1/payment_methods")
    assert token.value not in request["key"]
    assert request["key"].startswith("method:")


async def test_an_error_of_an_unknown_type_proves_nothing_and_is_told_in_its_words(
    each: Account,
) -> None:
    error = {"type": "an_error_of_tomorrow", "message": "No more tok_visa today"}
    each.stripe.faults.add("status_before", f"^{each.path}$", status=400, error=error)
    with pytest.raises(OutcomeUnknown, match="No more <redacted> today"):
        await each.gateway.charge(a_payment(), VISA)


# --- words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "secret",
    [
        *("sk_test_****abcd", "rk_live_1x", "tok_visa", "pm_card_visa", "whsec_x", "Bearer abc"),
        *("pi_1_secret_2", "ctoken_1", "jenny@example.com", "4242 4242 4242 4242"),
    ],
)
def test_nothing_that_stripe_quotes_is_shown(secret: str) -> None:
    shown = redacted(f"No such thing: '{secret}'; ask for rak_charge_write on acct_1.")
    assert secret not in shown
    assert "rak_charge_write on acct_1" in shown


def test_what_stripe_says_is_bounded_before_it_is_searched() -> None:
    assert redacted("x" * 50_000_000) == "x" * MAX_MESSAGE
