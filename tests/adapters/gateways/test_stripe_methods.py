"""Every way to pay at Stripe: confirmation tokens, redirects, vouchers, and what to do next."""

import json
import logging
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from attrs import evolve

from adapters.gateways.stripe.actions import required_by
from adapters.gateways.stripe.notifications import StripeNotificationReader
from adapters.gateways.stripe.objects import MAX_SECRET, Unreadable
from adapters.gateways.stripe.refusals import redacted
from application.ports.gateway_notifications import PaymentNotification
from application.ports.payment_gateway import CardToken, OutcomeUnknown
from domain.capture import CaptureMode
from domain.outcome import Authorized, Charged, Declined, Outcome, Pending, RequiresAction
from domain.payment import Payment
from payments_kit.conformance.samples import a_payment
from payments_kit.doubles.faults import Kind
from payments_kit.doubles.stripe import lifecycle
from tests.adapters.gateways.stripe_account import INTENTS, Account
from tests.builders import NOW

BACK = "https://shop.example/paid?order=o1"
VOUCHERS = (
    *("boleto_display_details", "konbini_display_details", "multibanco_display_details"),
    "oxxo_display_details",
)
LOST: list[Kind] = ["reset_before", "reset_after", "truncate", "garbage"]


async def a_token(account: Account, return_url: str | None = None, **method: Any) -> CardToken:
    """Return what Stripe's script makes of what the customer entered."""
    method = method or {"payment_method": "pm_card_visa"}
    made = await account.intents.api.post(
        "/v1/test_helpers/confirmation_tokens", within=5, **method
    )
    return CardToken(made["id"], return_url)


async def ideal(account: Account, return_url: str | None = BACK) -> CardToken:
    return await a_token(account, return_url, payment_method_data={"type": "ideal"})


async def boleto(account: Account) -> CardToken:
    return await a_token(account, payment_method_data={"type": "boleto"})


async def redirected(account: Account) -> tuple[Payment, str]:
    """Return a payment whose customer is sent to their bank, and where to."""
    payment = a_payment(1000, "eur")
    action = await account.intents.charge(payment, await ideal(account))
    assert isinstance(action, RequiresAction)
    assert action.redirect_url is not None
    return evolve(payment, reference=action.reference), action.redirect_url


async def answer_bank(address: str, result: str) -> str:
    """Answer on the page of the bank; return where it sends the customer."""
    async with aiohttp.ClientSession() as browser:
        async with browser.get(address) as page:
            assert "Authorize test payment" in await page.text()
        async with browser.get(f"{address}?result={result}", allow_redirects=False) as sent:
            return sent.headers["Location"]


def outcomes(account: Account) -> list[tuple[str, Outcome | None]]:
    """Return what each event until now proves."""
    reader = StripeNotificationReader(["whsec"], lambda: NOW)
    found = []
    for event in account.stripe.ledger.events.values():
        notification = reader.read_verified(json.dumps(event).encode())
        if isinstance(notification, PaymentNotification):
            found.append((event["type"], notification.outcome))
    return found


# --- confirmation tokens -----------------------------------------------------------------------


async def test_a_confirmation_token_is_charged_in_one_request(account: Account) -> None:
    token = await a_token(account)
    before = len(account.stripe.double.recent)
    assert isinstance(await account.intents.charge(a_payment(), token), Charged)
    (request,) = list(account.stripe.double.recent)[before:]
    assert request["params"]["confirmation_token"] == token.value
    assert not {"payment_method", "return_url"} & set(request["params"])
    assert request["params"]["automatic_payment_methods"]["allow_redirects"] == "never"


async def test_a_confirmation_token_can_be_authorized(account: Account) -> None:
    payment = evolve(a_payment(), capture_mode=CaptureMode.MANUAL)
    assert isinstance(await account.intents.charge(payment, await a_token(account)), Authorized)


async def test_a_confirmation_token_that_was_used_is_declined(account: Account) -> None:
    token = await a_token(account)
    await account.intents.charge(a_payment(), token)
    declined = await account.intents.charge(a_payment(), token)
    assert declined == Declined("invalid_confirmation_token")


@pytest.mark.parametrize("token", ["ctoken_unknown", "ctoken_", "ctoken_é"])
async def test_a_confirmation_token_that_stripe_does_not_know_is_declined(
    each: Account, token: str
) -> None:
    assert isinstance(await each.gateway.charge(a_payment(), CardToken(token)), Declined)


async def test_a_confirmation_token_that_has_expired_is_declined(account: Account) -> None:
    token = await a_token(account)
    account.stripe.ledger.confirmation_tokens[token.value]["expires_at"] = 0
    assert isinstance(await account.intents.charge(a_payment(), token), Declined)


async def test_the_charges_api_declines_what_is_not_for_it(account: Account) -> None:
    for token in (await a_token(account), CardToken("pm_card_visa")):
        assert isinstance(await account.charges.charge(a_payment(), token), Declined)
    assert account.stripe.ledger.charges == {}


@pytest.mark.parametrize("kind", LOST)
async def test_a_confirmation_token_whose_reply_is_lost_is_found(
    account: Account, kind: Kind
) -> None:
    payment, token = a_payment(), await a_token(account)
    account.stripe.faults.add(kind, f"{INTENTS}$")
    with pytest.raises(OutcomeUnknown):
        await account.intents.charge(payment, token)
    found = await account.intents.find(payment)
    assert found is None if kind == "reset_before" else isinstance(found, Charged)
    assert isinstance(await account.intents.charge(payment, token), Charged)
    assert len(account.stripe.ledger.charges) == 1


# --- redirects ---------------------------------------------------------------------------------


async def test_a_customer_is_sent_to_their_bank_and_comes_back(account: Account) -> None:
    payment, address = await redirected(account)
    assert isinstance(await account.intents.find(payment), RequiresAction)
    back = urlsplit(await answer_bank(address, "succeeded"))
    assert f"{back.scheme}://{back.netloc}{back.path}" == "https://shop.example/paid"
    query = parse_qs(back.query)
    assert (query["order"], query["redirect_status"]) == (["o1"], ["succeeded"])
    assert query["payment_intent"] == [payment.reference]
    charged = await account.intents.find(payment)
    assert isinstance(charged, Charged)
    assert ("payment_intent.succeeded", charged) in outcomes(account)


async def test_a_payment_that_fails_at_the_bank_is_declined(account: Account) -> None:
    payment, address = await redirected(account)
    assert "redirect_status=failed" in await answer_bank(address, "failed")
    assert isinstance(await account.intents.find(payment), Declined)
    assert ("payment_intent.payment_failed", None) in outcomes(account)


async def test_a_customer_who_does_not_come_back_can_be_called_off(account: Account) -> None:
    payment, _ = await redirected(account)
    assert await account.intents.cancel(payment) == Declined("canceled", payment.reference)


async def test_a_method_that_redirects_needs_an_address_to_come_back_to(account: Account) -> None:
    payment = a_payment(1000, "eur")
    declined = await account.intents.charge(payment, await ideal(account, return_url=None))
    assert declined == Declined("payment_intent_incompatible_payment_method")


async def test_a_method_of_another_currency_is_declined(account: Account) -> None:
    declined = await account.intents.charge(a_payment(), await ideal(account))
    assert declined == Declined("payment_method_currency_mismatch")


async def test_3d_secure_redirects_too_if_there_is_an_address(account: Account) -> None:
    token = CardToken("tok_threeDSecure2Required", BACK)
    action = await account.intents.charge(a_payment(), token)
    assert isinstance(action, RequiresAction)
    assert action.next_action == "redirect_to_url"
    (request,) = account.sent(INTENTS)
    assert request["params"]["return_url"] == BACK
    assert request["params"]["automatic_payment_methods"]["allow_redirects"] == "always"


# --- vouchers ----------------------------------------------------------------------------------


async def with_voucher(account: Account) -> Payment:
    payment = a_payment(1000, "brl")
    pending = await account.intents.charge(payment, await boleto(account))
    assert isinstance(pending, Pending)
    assert pending.action is not None
    assert pending.action.redirect_url is not None
    assert pending.action.redirect_url.startswith("https://payments.stripe.com/boleto/voucher/")
    return evolve(payment, reference=pending.reference)


def end_voucher(account: Account, *, paid: bool) -> None:
    (intent,) = account.stripe.ledger.payment_intents.values()
    lifecycle.authenticate(account.stripe.ledger, intent, succeeded=paid)


async def test_a_voucher_is_pending_until_it_is_paid(account: Account) -> None:
    payment = await with_voucher(account)
    assert isinstance(await account.intents.find(payment), Pending)
    end_voucher(account, paid=True)
    charged = await account.intents.find(payment)
    assert isinstance(charged, Charged)
    assert ("payment_intent.succeeded", charged) in outcomes(account)
    assert await account.intents.cancel(payment) == charged


async def test_a_voucher_that_nobody_pays_is_declined(account: Account) -> None:
    payment = await with_voucher(account)
    end_voucher(account, paid=False)
    assert isinstance(await account.intents.find(payment), Declined)


@pytest.mark.parametrize("kind", [None, *LOST])
async def test_a_voucher_can_be_cancelled(account: Account, kind: Kind | None) -> None:
    payment = await with_voucher(account)
    if kind is not None:
        account.stripe.faults.add(kind, "/cancel$")
        with pytest.raises(OutcomeUnknown):
            await account.intents.cancel(payment)
    assert await account.intents.cancel(payment) == Declined("canceled", payment.reference)


# --- actions -----------------------------------------------------------------------------------


def an_intent(kind: object, **details: object) -> dict[str, Any]:
    return {
        "id": "pi_1",
        "client_secret": "pi_1_secret_2",
        "next_action": {"type": kind, str(kind): details},
    }


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *(("redirect_to_url", "url"), ("alipay_handle_redirect", "url")),
        *((kind, "hosted_voucher_url") for kind in VOUCHERS),
        ("display_bank_transfer_instructions", "hosted_instructions_url"),
        ("cashapp_handle_redirect_or_display_qr_code", "hosted_instructions_url"),
        ("paynow_display_qr_code", "hosted_instructions_url"),
        ("pix_display_qr_code", "hosted_instructions_url"),
        ("promptpay_display_qr_code", "hosted_instructions_url"),
        ("swish_handle_redirect_or_display_qr_code", "hosted_instructions_url"),
        ("upi_handle_redirect_or_display_qr_code", "hosted_instructions_url"),
        ("wechat_pay_display_qr_code", "hosted_instructions_url"),
        ("verify_with_microdeposits", "hosted_verification_url"),
        ("some_later_kind", "url"),
    ],
)
def test_the_address_of_every_kind_of_action_is_found(kind: str, name: str) -> None:
    outcome = required_by(an_intent(kind, **{name: "https://pay.example/1"}))
    paid_later = {*VOUCHERS, "display_bank_transfer_instructions", "verify_with_microdeposits"}
    assert isinstance(outcome, Pending) is (kind in paid_later)
    action = outcome.action if isinstance(outcome, Pending) else outcome
    assert action is not None
    assert (action.next_action, action.redirect_url) == (kind, "https://pay.example/1")


@pytest.mark.parametrize(
    ("kind", "details"),
    [
        ("use_stripe_sdk", {"url": "https://pay.example/1", "type": "three_d_secure_redirect"}),
        ("blik_authorize", {}),
        ("card_await_notification", {"charge_attempt_at": 1}),
        ("klarna_display_qr_code", {"image_url_png": "https://pay.example/1.png"}),
        ("wechat_pay_redirect_to_ios_app", {"native_url": "weixin://pay"}),
        ("redirect_to_url", {"url": "javascript:alert(1)"}),
        ("redirect_to_url", {"url": f"https://pay.example/{'a' * MAX_SECRET}"}),
        ("redirect_to_url", {"url": 1}),
        ("boleto_display_details", {}),
    ],
)
def test_an_action_without_a_page_has_no_address(kind: str, details: dict[str, object]) -> None:
    outcome = required_by(an_intent(kind, **details))
    action = outcome.action if isinstance(outcome, Pending) else outcome
    assert action is not None
    assert action.redirect_url is None


@pytest.mark.parametrize("kind", [None, "", 1, "k" * 300])
def test_an_action_of_no_kind_is_unreadable(kind: object) -> None:
    with pytest.raises(Unreadable):
        required_by(an_intent(kind))


# --- secrets -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "secret",
    ["ctoken_1AbC", "pi_1_secret_2", "seti_1_secret_2", "https://shop.example/paid?key=s3cr3t"],
)
def test_a_secret_that_stripe_quotes_is_redacted(secret: str) -> None:
    assert secret not in redacted(f"No such thing: '{secret}'.")


async def test_no_secret_is_logged_or_shown(
    account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = await ideal(account)
    action = await account.intents.charge(a_payment(1000, "eur"), token)
    assert isinstance(action, RequiresAction)
    shown = f"{caplog.text} {token!r} {token} {action!r} {Pending('pi_1', action=action)!r}"
    for secret in (token.value, BACK, action.client_secret, "/_double/bank/"):
        assert secret
        assert secret not in shown
