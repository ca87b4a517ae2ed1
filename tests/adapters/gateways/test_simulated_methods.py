"""The methods of the simulated gateways that are no cards: a wallet, a bank's page, a voucher."""

from urllib.parse import parse_qs, urlsplit

from application.ports.payment_gateway import CardToken
from domain.outcome import Charged, Pending, Refused
from domain.outcome import RequiresAction as Action
from payments_kit.conformance.samples import a_payment
from tests.world import World

RETURN_URL = "http://127.0.0.1:8080/?order=1&from=bank"


async def test_a_wallet_is_charged_at_once() -> None:
    outcome = await World().gateway.charge(a_payment(), CardToken("pm_applePay"))
    assert isinstance(outcome, Charged)


async def test_a_redirecting_method_leads_to_the_bank_and_from_there_back_to_the_shop() -> None:
    gateway, payment = World().gateway, a_payment()
    action = await gateway.charge(payment, CardToken("pm_ideal", RETURN_URL))
    assert isinstance(action, Action)
    assert action.next_action == "redirect_to_url"
    page = urlsplit(action.redirect_url or "")
    assert (page.netloc, page.path) == ("127.0.0.1:8080", "/bank")
    assert parse_qs(page.query) == {"payment": [payment.id], "returnUrl": [RETURN_URL]}
    assert RETURN_URL not in repr(action)
    assert await gateway.find(payment) == action
    await gateway.complete_authentication(payment.id, succeeded=True)
    assert isinstance(await gateway.find(payment), Charged)


async def test_a_redirecting_method_without_a_return_address_is_refused() -> None:
    gateway, payment = World().gateway, a_payment()
    refused = await gateway.charge(payment, CardToken("pm_ideal"))
    assert isinstance(refused, Refused)
    assert await gateway.find(payment) is None
    assert isinstance(await gateway.charge(payment, CardToken("pm_ideal", RETURN_URL)), Action)


async def test_a_card_that_authenticates_does_not_redirect_although_it_might() -> None:
    token = CardToken("tok_threeDSecure2Required", RETURN_URL)
    action = await World().gateway.charge(a_payment(), token)
    assert isinstance(action, Action)
    assert (action.next_action, action.redirect_url) == ("use_stripe_sdk", None)


async def test_a_voucher_is_pending_and_says_how_it_is_paid() -> None:
    gateway, payment = World().gateway, a_payment()
    pending = await gateway.charge(payment, CardToken("pm_voucher"))
    assert isinstance(pending, Pending)
    assert pending.action is not None
    assert pending.action.next_action == "oxxo_display_details"
    assert await gateway.find(payment) == pending
    await gateway.finish_debit(payment.id, succeeded=True)
    assert isinstance(await gateway.find(payment), Charged)
