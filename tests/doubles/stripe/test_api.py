"""The double replies to the official SDK as Stripe's documentation describes."""

import time
from typing import Any

import aiohttp
import pytest
import stripe
from stripe import StripeClient

from payments_kit.doubles.stripe import RunningDouble
from tests.doubles.stripe.sdk import Connect, Control, failing, intend, pay

UNEXPECTED_STATE = "payment_intent_unexpected_state"


async def test_a_charge_is_created_and_found(client: StripeClient) -> None:
    made = await pay(client, metadata={"payment_id": "p1"}, description="an order")
    assert made.id.startswith("ch_")
    assert made.status == "succeeded"
    assert (made.paid, made.captured, made.livemode) == (True, True, False)
    assert (made.amount, made.amount_captured, made.currency) == (1999, 1999, "usd")
    assert made.metadata["payment_id"] == "p1"
    assert abs(made.created - time.time()) < 5
    assert (await client.v1.charges.retrieve_async(made.id)).description == "an order"


async def test_a_list_is_newest_first_in_pages_and_by_creation(
    client: StripeClient, double: RunningDouble
) -> None:
    clock = [1_000_000.0]
    double.ledger.now = lambda: clock[0]
    made = []
    for _ in range(5):
        made.append((await pay(client)).id)
        clock[0] += 10
    pages: list[tuple[Any, list[str], bool]] = [
        ({"limit": 2}, [made[4], made[3]], True),
        ({"limit": 3, "starting_after": made[3]}, [made[2], made[1], made[0]], False),
        ({"limit": 2, "ending_before": made[1]}, [made[3], made[2]], True),
        ({"created": {"gte": 1_000_010, "lt": 1_000_030}}, [made[2], made[1]], False),
    ]
    for params, ids, has_more in pages:
        page = await client.v1.charges.list_async(params)
        assert ([it.id for it in page.data], page.has_more) == (ids, has_more)
    every = await client.v1.charges.list_async({"limit": 2})
    assert [it.id async for it in every.auto_paging_iter()] == made[::-1]


@pytest.mark.parametrize(
    ("params", "param", "code"),
    [
        ({"limit": 101}, "limit", "parameter_invalid_integer"),
        ({"starting_after": "ch_none"}, "starting_after", "resource_missing"),
        ({"payment_method": "x"}, "payment_method", "parameter_unknown"),
    ],
)
async def test_an_invalid_list_is_refused(
    client: StripeClient, params: Any, param: str, code: str
) -> None:
    with failing(param=param, code=code):
        await client.v1.charges.list_async(params)


@pytest.mark.parametrize(
    ("token", "code", "decline_code"),
    [
        ("tok_chargeDeclined", "card_declined", "generic_decline"),
        ("tok_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("tok_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("tok_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("tok_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
        ("tok_chargeDeclinedExpiredCard", "expired_card", None),
        ("tok_chargeDeclinedIncorrectCvc", "incorrect_cvc", None),
        ("tok_chargeDeclinedProcessingError", "processing_error", None),
        ("tok_chargeDeclinedFraudulent", "card_declined", "fraudulent"),
        ("tok_radarBlock", "card_declined", "fraudulent"),
        ("tok_threeDSecure2Required", "authentication_required", "authentication_required"),
    ],
)
async def test_a_declined_charge_is_a_card_error_and_a_failed_charge(
    client: StripeClient, token: str, code: str, decline_code: str | None
) -> None:
    with failing(stripe.CardError, http_status=402, code=code) as caught:
        await pay(client, token)
    error = caught.value.error
    assert (error.type, error.code, error.decline_code) == ("card_error", code, decline_code)
    assert caught.value.request_id is not None
    failed = await client.v1.charges.retrieve_async(str(error.charge))
    assert (failed.status, failed.paid, failed.failure_code) == ("failed", False, code)


@pytest.mark.parametrize(
    ("changes", "param", "code"),
    [
        ({"source": "tok_unknown"}, "source", "resource_missing"),
        ({"payment_method_types": ["card"]}, "payment_method_types", "parameter_unknown"),
        ({"amount": 49}, "amount", "amount_too_small"),
        ({"amount": 100_000_000}, "amount", "amount_too_large"),
        ({"amount": "19.99"}, "amount", "parameter_invalid_integer"),
        ({"amount": -5}, "amount", "parameter_invalid_integer"),
        ({"currency": "xyz"}, "currency", None),
        ({"amount": 49, "currency": "jpy"}, "amount", "amount_too_small"),
        ({"amount": 5001, "currency": "kwd"}, "amount", "parameter_invalid_integer"),
        ({"amount": 12_345, "currency": "isk"}, "amount", "parameter_invalid_integer"),
    ],
)
async def test_an_invalid_charge_is_refused(
    client: StripeClient, double: RunningDouble, changes: Any, param: str, code: str | None
) -> None:
    with failing(http_status=400, param=param, code=code):
        await pay(client, **changes)
    assert double.ledger.charges == {}


@pytest.mark.parametrize(
    ("amount", "currency"), [(50, "jpy"), (5000, "kwd"), (50_000, "isk"), (99_999_999, "usd")]
)
async def test_each_kind_of_currency_can_be_charged(
    client: StripeClient, amount: int, currency: str
) -> None:
    made = await pay(client, amount=amount, currency=currency.upper())
    assert (made.amount, made.currency) == (amount, currency)


async def test_a_created_token_is_used_once(client: StripeClient) -> None:
    card: Any = {"card": {"number": "4242424242424242"}}
    token = await client.v1.tokens.create_async(card)
    assert (await pay(client, token.id)).status == "succeeded"
    with failing(code="token_already_used"):
        await pay(client, token.id)


async def test_a_missing_parameter_or_object_is_named(client: StripeClient) -> None:
    with failing(param="amount", code="parameter_missing"):
        await client.raw_request_async("post", "/v1/charges", currency="usd")
    with failing(http_status=404, code="resource_missing"):
        await client.v1.payment_intents.retrieve_async("pi_none")
    with failing(match="Unrecognized request URL"):
        await client.raw_request_async("get", "/v1/nothing")


async def test_only_a_test_key_is_accepted(connect: Connect, double: RunningDouble) -> None:
    for key in ("sk_live_real", "nonsense"):
        with failing(stripe.AuthenticationError):
            await connect(key).v1.balance.retrieve_async()
    async with aiohttp.ClientSession() as session, session.get(f"{double.url}/v1/balance") as reply:
        assert reply.status == 401
    assert (await connect().v1.balance.retrieve_async()).livemode is False


async def test_requests_are_counted_and_recorded(client: StripeClient, control: Control) -> None:
    charge = await pay(client)
    for _ in range(2):
        await client.v1.charges.retrieve_async(charge.id)
    requests = await control("GET", "requests")
    assert requests["counts"] == {"POST /v1/charges": 1, "GET /v1/charges/{id}": 2}
    assert requests["recent"][0]["params"]["source"] == "tok_visa"
    assert requests["recent"][0]["version"] == stripe.api_version
    await control("POST", "reset")
    assert (await control("GET", "ledger"))["charges"] == []


async def test_a_token_becomes_a_payment_method_and_pays_an_intent(client: StripeClient) -> None:
    method = await client.v1.payment_methods.create_async(
        {"type": "card", "card": {"token": "tok_mastercard"}}
    )
    assert method.card is not None
    assert method.card.brand == "mastercard"
    made = await intend(client, method.id, metadata={"payment_id": "p1"})
    assert (made.status, made.amount_received) == ("succeeded", 1999)
    shown = await client.v1.payment_intents.retrieve_async(made.id, {"expand": ["latest_charge"]})
    assert isinstance(shown.latest_charge, stripe.Charge)
    assert shown.latest_charge.payment_intent == made.id
    assert shown.latest_charge.metadata["payment_id"] == "p1"
    found = await client.v1.charges.list_async({"payment_intent": made.id})
    assert [it.id for it in found.data] == [shown.latest_charge.id]
    listed = await client.v1.payment_intents.list_async(
        {"created": {"gte": made.created}, "expand": ["data.latest_charge"]}
    )
    assert isinstance(listed.data[0].latest_charge, stripe.Charge)
    with failing(match="may not be used again"):
        await intend(client, method.id)


async def test_an_intent_that_may_redirect_needs_a_return_url(client: StripeClient) -> None:
    with failing(code="parameter_unknown"):
        await intend(client, payment_method_types=["card"])
    redirecting: Any = {"automatic_payment_methods": {"enabled": True}}
    with failing(match="return_url"):
        await intend(client, **redirecting)
    made = await intend(client, **redirecting, return_url="https://shop.example/back")
    assert made.status == "succeeded"


async def test_a_successful_authentication_charges_the_intent(
    client: StripeClient, control: Control
) -> None:
    back = "https://shop.example/back"
    made = await intend(client, "pm_card_authenticationRequired", return_url=back)
    assert (made.status, made.latest_charge) == ("requires_action", None)
    assert made.next_action is not None
    assert made.next_action.type == "redirect_to_url"
    await control("POST", "complete_authentication", payment_intent=made.id, result="succeeded")
    after = await client.v1.payment_intents.retrieve_async(made.id)
    assert (after.status, after.amount_received) == ("succeeded", 1999)


async def test_a_failed_authentication_waits_for_another_card(
    client: StripeClient, control: Control
) -> None:
    made = await intend(client, "pm_card_threeDSecure2Required")
    await control("POST", "complete_authentication", payment_intent=made.id, result="failed")
    after = await client.v1.payment_intents.retrieve_async(made.id)
    assert (after.status, after.latest_charge) == ("requires_payment_method", None)
    assert after.last_payment_error is not None
    assert after.last_payment_error.code == "payment_intent_authentication_failure"
    paid = await client.v1.payment_intents.confirm_async(
        made.id, {"payment_method": "pm_card_visa"}
    )
    assert paid.status == "succeeded"
    with failing(stripe.CardError, code="authentication_required"):
        await intend(client, "pm_card_authenticationRequired", error_on_requires_action=True)


async def test_an_intent_is_canceled_unless_it_has_succeeded(client: StripeClient) -> None:
    waiting = await intend(client, "pm_card_authenticationRequired")
    assert (await client.v1.payment_intents.cancel_async(waiting.id)).status == "canceled"
    with failing(code=UNEXPECTED_STATE):
        await client.v1.payment_intents.confirm_async(waiting.id)
    paid = await intend(client)
    with failing(code=UNEXPECTED_STATE) as caught:
        await client.v1.payment_intents.cancel_async(paid.id)
    assert caught.value.error.payment_intent.status == "succeeded"


async def test_an_authorization_is_captured(client: StripeClient) -> None:
    held = await intend(client, capture_method="manual")
    assert (held.status, held.amount_capturable) == ("requires_capture", 1999)
    captured = await client.v1.payment_intents.capture_async(held.id)
    assert (captured.status, captured.amount_received) == ("succeeded", 1999)
    charge = await pay(client, capture=False)
    assert not charge.captured
    assert (await client.v1.charges.capture_async(charge.id)).captured


async def test_a_pending_payment_is_finished_later(client: StripeClient, control: Control) -> None:
    await control("POST", "next_charge", status="pending", times=2)
    intent, charge = await intend(client), await pay(client)
    assert (intent.status, charge.status) == ("processing", "pending")
    await control("POST", "finish", payment_intent=intent.id, result="succeeded")
    await control("POST", "finish", charge=charge.id, result="failed")
    assert (await client.v1.payment_intents.retrieve_async(intent.id)).status == "succeeded"
    assert (await client.v1.charges.retrieve_async(charge.id)).status == "failed"


async def test_an_intent_is_refunded_by_its_id(client: StripeClient) -> None:
    intent = await intend(client)
    refund = await client.v1.refunds.create_async({"payment_intent": intent.id})
    assert (refund.payment_intent, refund.charge) == (intent.id, intent.latest_charge)
    listed = await client.v1.refunds.list_async({"payment_intent": intent.id})
    assert [it.id for it in listed.data] == [refund.id]
    unpaid = await intend(client, "pm_card_authenticationRequired")
    with failing(match="does not have a successful charge"):
        await client.v1.refunds.create_async({"payment_intent": unpaid.id})


@pytest.mark.parametrize(
    ("token", "at_first", "result", "refunded"),
    [
        ("tok_pendingRefund", "pending", "succeeded", 1999),
        ("tok_pendingRefund", "pending", "failed", 0),
        ("tok_refundFail", "succeeded", "failed", 0),
    ],
)
async def test_a_refund_may_be_decided_later(
    client: StripeClient, control: Control, token: str, at_first: str, result: str, refunded: int
) -> None:
    charge = await pay(client, token)
    refund = await client.v1.refunds.create_async({"charge": charge.id})
    assert refund.status == at_first
    await control("POST", "finish", refund=refund.id, result=result)
    assert (await client.v1.refunds.retrieve_async(refund.id)).status == result
    assert (await client.v1.charges.retrieve_async(charge.id)).amount_refunded == refunded


async def test_a_disputed_charge_is_not_refunded(client: StripeClient, control: Control) -> None:
    by_card, by_control = await pay(client, "tok_createDispute"), await pay(client)
    dispute = await control("POST", "dispute", charge=by_control.id)
    assert dispute["id"].startswith("dp_")
    for charge in (by_card, by_control):
        with failing(code="charge_disputed"):
            await client.v1.refunds.create_async({"charge": charge.id})
    await control("POST", "close_dispute", dispute=dispute["id"], status="won")
    assert (await client.v1.refunds.create_async({"charge": by_control.id})).status == "succeeded"


async def test_search_lags_behind(client: StripeClient, control: Control) -> None:
    made = await intend(client, metadata={"payment_id": "p1"})
    query: Any = {"query": "metadata['payment_id']:'p1' AND status:'succeeded'"}
    assert (await client.v1.payment_intents.search_async(query)).data == []
    await control("POST", "settings", search_lag=0)
    assert [it.id for it in (await client.v1.payment_intents.search_async(query)).data] == [made.id]


async def test_events_are_listed_by_type(client: StripeClient) -> None:
    intent = await intend(client)
    assert len((await client.v1.events.list_async()).data) == 3
    succeeded = await client.v1.events.list_async({"type": "payment_intent.succeeded"})
    assert [it.data.object["id"] for it in succeeded.data] == [intent.id]


async def test_a_charge_may_be_reported_wrongly(client: StripeClient, control: Control) -> None:
    report = {"amount": 1, "currency": "eur", "livemode": True}
    await control("POST", "next_charge", report=report, times=2)
    charge, intent, correct = await pay(client), await intend(client), await pay(client)
    for reported in (charge, intent, await client.v1.charges.retrieve_async(charge.id)):
        assert (reported.amount, reported.currency, reported.livemode) == (1, "eur", True)
    assert intent.amount_received == 1
    assert (correct.amount, correct.livemode) == (1999, False)
    ledger = await control("GET", "ledger")
    assert [it["amount"] for it in ledger["charges"]] == [1999, 1999, 1999]
    assert ledger["charges"][0]["misreported"] == report
