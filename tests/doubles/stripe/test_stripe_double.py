"""The double answers the official SDK as Stripe's documentation says that Stripe does."""

import time
from typing import Any

import aiohttp
import pytest
import stripe

from . import RunningDouble
from .conftest import Connect, Control

NO_REDIRECTS: Any = {"enabled": True, "allow_redirects": "never"}


async def pay(client: stripe.StripeClient, source: str = "tok_visa", **more: Any) -> stripe.Charge:
    params: Any = {"amount": 1999, "currency": "usd", "source": source, **more}
    return await client.v1.charges.create_async(params)


async def intend(
    client: stripe.StripeClient, method: str = "pm_card_visa", **more: Any
) -> stripe.PaymentIntent:
    params: Any = {
        "amount": 1999,
        "currency": "usd",
        "confirm": True,
        "payment_method": method,
        "automatic_payment_methods": NO_REDIRECTS,
        **more,
    }
    return await client.v1.payment_intents.create_async(params)


async def test_a_charge_is_made_and_found_again(client: stripe.StripeClient) -> None:
    made = await pay(client, metadata={"payment_id": "p1"}, description="an order")

    assert made.id.startswith("ch_")
    assert (made.status, made.paid, made.captured, made.livemode) == (
        "succeeded",
        True,
        True,
        False,
    )
    assert (made.amount, made.amount_captured, made.currency) == (1999, 1999, "usd")
    assert made.metadata["payment_id"] == "p1"
    assert abs(made.created - time.time()) < 5
    again = await client.v1.charges.retrieve_async(made.id)
    assert again.description == "an order"


async def test_a_list_is_newest_first_in_pages_and_by_creation(
    client: stripe.StripeClient, double: RunningDouble
) -> None:
    clock = [1_000_000.0]
    double.ledger.now = lambda: clock[0]
    made = []
    for _ in range(5):
        made.append((await pay(client)).id)
        clock[0] += 10

    page = await client.v1.charges.list_async({"limit": 2})
    assert [it.id for it in page.data] == [made[4], made[3]]
    assert page.has_more
    page = await client.v1.charges.list_async({"limit": 3, "starting_after": made[3]})
    assert [it.id for it in page.data] == [made[2], made[1], made[0]]
    assert not page.has_more
    page = await client.v1.charges.list_async({"limit": 2, "ending_before": made[1]})
    assert [it.id for it in page.data] == [made[3], made[2]]
    page = await client.v1.charges.list_async({"created": {"gte": 1_000_010, "lt": 1_000_030}})
    assert [it.id for it in page.data] == [made[2], made[1]]
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
async def test_a_wrong_list_is_refused(
    client: stripe.StripeClient, params: Any, param: str, code: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await client.v1.charges.list_async(params)
    assert (caught.value.param, caught.value.code) == (param, code)


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
    client: stripe.StripeClient, token: str, code: str, decline_code: str | None
) -> None:
    with pytest.raises(stripe.CardError) as caught:
        await pay(client, token)

    error = caught.value.error
    assert error is not None
    assert (caught.value.http_status, caught.value.code) == (402, code)
    assert (error.type, error.code, error.decline_code) == ("card_error", code, decline_code)
    assert caught.value.request_id is not None
    failed = await client.v1.charges.retrieve_async(str(error.charge))
    assert (failed.status, failed.paid, failed.failure_code) == ("failed", False, code)


async def test_the_same_decline_on_an_intent_carries_the_intent(
    client: stripe.StripeClient,
) -> None:
    with pytest.raises(stripe.CardError) as caught:
        await intend(client, "pm_card_visa_chargeDeclinedInsufficientFunds")

    error = caught.value.error
    assert error is not None
    assert error.decline_code == "insufficient_funds"
    assert error.payment_intent is not None
    assert error.payment_intent.status == "requires_payment_method"
    found = await client.v1.payment_intents.retrieve_async(error.payment_intent.id)
    assert found.last_payment_error is not None
    assert found.last_payment_error.decline_code == "insufficient_funds"
    assert found.latest_charge == error.charge


async def test_a_token_becomes_a_method_and_pays_an_intent(client: stripe.StripeClient) -> None:
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
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        await intend(client, method.id)


async def test_a_made_token_is_used_once(client: stripe.StripeClient) -> None:
    card: Any = {"card": {"number": "4242424242424242"}}
    token = await client.v1.tokens.create_async(card)
    assert (await pay(client, token.id)).status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await pay(client, token.id)
    assert caught.value.code == "token_already_used"


@pytest.mark.parametrize(
    ("changes", "param", "code"),
    [
        ({"source": "tok_unheard_of"}, "source", "resource_missing"),
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
async def test_a_wrong_charge_is_refused(
    client: stripe.StripeClient, double: RunningDouble, changes: Any, param: str, code: str | None
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await pay(client, **changes)
    assert (caught.value.http_status, caught.value.param, caught.value.code) == (400, param, code)
    assert double.ledger.charges == {}


@pytest.mark.parametrize(
    ("amount", "currency"), [(50, "jpy"), (5000, "kwd"), (50_000, "isk"), (99_999_999, "usd")]
)
async def test_each_kind_of_currency_can_be_charged(
    client: stripe.StripeClient, amount: int, currency: str
) -> None:
    made = await pay(client, amount=amount, currency=currency.upper())
    assert (made.amount, made.currency) == (amount, currency)


async def test_missing_parameters_are_named(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await client.raw_request_async("post", "/v1/charges", currency="usd")
    assert (caught.value.param, caught.value.code) == ("amount", "parameter_missing")


async def test_payment_method_types_are_gone_from_intents(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await intend(client, payment_method_types=["card"])
    assert caught.value.code == "parameter_unknown"


async def test_an_intent_that_may_redirect_needs_a_return_url(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="return_url"):
        await intend(client, automatic_payment_methods={"enabled": True})
    back = "https://shop.example/back"
    made = await intend(client, automatic_payment_methods={"enabled": True}, return_url=back)
    assert made.status == "succeeded"


async def test_only_a_test_key_is_let_in(connect: Connect, double: RunningDouble) -> None:
    for key in ("sk_live_real", "nonsense"):
        with pytest.raises(stripe.AuthenticationError):
            await connect(key).v1.balance.retrieve_async()
    async with aiohttp.ClientSession() as session, session.get(f"{double.url}/v1/balance") as reply:
        assert reply.status == 401
    assert (await connect().v1.balance.retrieve_async()).livemode is False


async def test_what_is_not_there_is_a_404(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await client.v1.payment_intents.retrieve_async("pi_none")
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")
    with pytest.raises(stripe.InvalidRequestError, match="Unrecognized request URL"):
        await client.raw_request_async("get", "/v1/nothing")


@pytest.mark.parametrize(
    ("return_url", "kind"),
    [("https://shop.example/back", "redirect_to_url"), (None, "use_stripe_sdk")],
)
async def test_authentication_is_asked_for_and_given(
    client: stripe.StripeClient, control: Control, return_url: str | None, kind: str
) -> None:
    more = {} if return_url is None else {"return_url": return_url}
    made = await intend(client, "pm_card_authenticationRequired", **more)
    assert made.status == "requires_action"
    assert made.next_action is not None
    assert made.next_action.type == kind
    assert made.latest_charge is None

    body = {"payment_intent": made.id, "result": "succeeded"}
    await control("POST", "complete_authentication", body)
    after = await client.v1.payment_intents.retrieve_async(made.id)
    assert (after.status, after.amount_received) == ("succeeded", 1999)


async def test_failed_authentication_asks_for_another_card(
    client: stripe.StripeClient, control: Control
) -> None:
    made = await intend(client, "pm_card_threeDSecure2Required")
    await control(
        "POST", "complete_authentication", {"payment_intent": made.id, "result": "failed"}
    )
    after = await client.v1.payment_intents.retrieve_async(made.id)
    assert (after.status, after.latest_charge) == ("requires_payment_method", None)
    assert after.last_payment_error is not None
    assert after.last_payment_error.code == "payment_intent_authentication_failure"
    paid = await client.v1.payment_intents.confirm_async(
        made.id, {"payment_method": "pm_card_visa"}
    )
    assert paid.status == "succeeded"


async def test_error_on_requires_action_declines_instead(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.CardError) as caught:
        await intend(client, "pm_card_authenticationRequired", error_on_requires_action=True)
    assert caught.value.code == "authentication_required"


async def test_an_intent_is_cancelled_unless_it_succeeded(client: stripe.StripeClient) -> None:
    waiting = await intend(client, "pm_card_authenticationRequired")
    gone = await client.v1.payment_intents.cancel_async(waiting.id)
    assert gone.status == "canceled"
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await client.v1.payment_intents.confirm_async(waiting.id)
    assert caught.value.code == "payment_intent_unexpected_state"

    paid = await intend(client)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await client.v1.payment_intents.cancel_async(paid.id)
    assert caught.value.code == "payment_intent_unexpected_state"
    assert caught.value.error is not None
    assert caught.value.error.payment_intent is not None
    assert caught.value.error.payment_intent.status == "succeeded"


async def test_an_authorization_is_captured(client: stripe.StripeClient) -> None:
    held = await intend(client, capture_method="manual")
    assert (held.status, held.amount_capturable) == ("requires_capture", 1999)
    taken = await client.v1.payment_intents.capture_async(held.id)
    assert (taken.status, taken.amount_received) == ("succeeded", 1999)
    charge = await pay(client, capture=False)
    assert not charge.captured
    assert (await client.v1.charges.capture_async(charge.id)).captured


async def test_a_payment_may_be_processing_and_then_end(
    client: stripe.StripeClient, control: Control
) -> None:
    await control("POST", "next_charge", {"status": "pending", "times": 2})
    intent = await intend(client)
    charge = await pay(client)
    assert (intent.status, charge.status) == ("processing", "pending")
    await control("POST", "finish", {"payment_intent": intent.id, "result": "succeeded"})
    await control("POST", "finish", {"charge": charge.id, "result": "failed"})
    assert (await client.v1.payment_intents.retrieve_async(intent.id)).status == "succeeded"
    assert (await client.v1.charges.retrieve_async(charge.id)).status == "failed"


async def test_a_charge_is_refunded_in_parts_and_never_beyond(client: stripe.StripeClient) -> None:
    charge = await pay(client)
    part = await client.v1.refunds.create_async(
        {"charge": charge.id, "amount": 999, "metadata": {"refund_id": "r1"}}
    )
    assert (part.status, part.amount, part.charge) == ("succeeded", 999, charge.id)
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        await client.v1.refunds.create_async({"charge": charge.id, "amount": 1001})
    rest = await client.v1.refunds.create_async(
        {"charge": charge.id, "reason": "requested_by_customer"}
    )
    assert rest.amount == 1000
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await client.v1.refunds.create_async({"charge": charge.id})
    assert caught.value.code == "charge_already_refunded"
    after = await client.v1.charges.retrieve_async(charge.id)
    assert (after.amount_refunded, after.refunded) == (1999, True)
    listed = await client.v1.refunds.list_async({"charge": charge.id})
    assert [it.id for it in listed.data] == [rest.id, part.id]


async def test_an_intent_is_refunded_by_its_id(client: stripe.StripeClient) -> None:
    intent = await intend(client)
    refund = await client.v1.refunds.create_async({"payment_intent": intent.id})
    assert (refund.payment_intent, refund.charge) == (intent.id, intent.latest_charge)
    listed = await client.v1.refunds.list_async({"payment_intent": intent.id})
    assert [it.id for it in listed.data] == [refund.id]
    unpaid = await intend(client, "pm_card_authenticationRequired")
    with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge"):
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
    client: stripe.StripeClient,
    control: Control,
    token: str,
    at_first: str,
    result: str,
    refunded: int,
) -> None:
    charge = await pay(client, token)
    refund = await client.v1.refunds.create_async({"charge": charge.id})
    assert refund.status == at_first
    await control("POST", "finish", {"refund": refund.id, "result": result})
    assert (await client.v1.refunds.retrieve_async(refund.id)).status == result
    assert (await client.v1.charges.retrieve_async(charge.id)).amount_refunded == refunded


async def test_a_refund_may_fail_at_once(client: stripe.StripeClient, control: Control) -> None:
    charge = await pay(client)
    await control("POST", "next_refund", {"status": "failed"})
    refund = await client.v1.refunds.create_async({"charge": charge.id})
    assert refund.status == "failed"
    assert (await client.v1.charges.retrieve_async(charge.id)).amount_refunded == 0


async def test_a_disputed_charge_is_not_refunded(
    client: stripe.StripeClient, control: Control, double: RunningDouble
) -> None:
    by_card = await pay(client, "tok_createDispute")
    externally = await pay(client)
    made = await control("POST", "dispute", {"charge": externally.id})
    assert made["id"].startswith("dp_")
    for charge in (by_card, externally):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            await client.v1.refunds.create_async({"charge": charge.id})
        assert caught.value.code == "charge_disputed"
    await control("POST", "close_dispute", {"dispute": made["id"], "status": "won"})
    assert (await client.v1.refunds.create_async({"charge": externally.id})).status == "succeeded"


async def test_search_lags_behind(client: stripe.StripeClient, control: Control) -> None:
    made = await intend(client, metadata={"payment_id": "p1"})
    query: Any = {"query": "metadata['payment_id']:'p1' AND status:'succeeded'"}
    assert (await client.v1.payment_intents.search_async(query)).data == []
    await control("POST", "settings", {"search_lag": 0})
    assert [it.id for it in (await client.v1.payment_intents.search_async(query)).data] == [made.id]


async def test_events_record_what_happened(client: stripe.StripeClient) -> None:
    intent = await intend(client)
    await client.v1.refunds.create_async({"payment_intent": intent.id})
    with pytest.raises(stripe.CardError):
        await intend(client, "pm_card_chargeDeclined")
    events = (await client.v1.events.list_async({"limit": 100})).data[::-1]
    assert [it.type for it in events] == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "refund.created",
        "charge.refunded",
        "payment_intent.created",
        "charge.failed",
        "payment_intent.payment_failed",
    ]
    succeeded = await client.v1.events.list_async({"type": "payment_intent.succeeded"})
    assert succeeded.data[0].data.object["id"] == intent.id


async def test_the_gateway_may_be_made_to_misreport(
    client: stripe.StripeClient, control: Control
) -> None:
    lie = {"amount": 1, "currency": "eur", "livemode": True}
    await control("POST", "next_charge", {"report": lie, "times": 2})
    charge, intent, honest = await pay(client), await intend(client), await pay(client)
    for told in (charge, intent, await client.v1.charges.retrieve_async(charge.id)):
        assert (told.amount, told.currency, told.livemode) == (1, "eur", True)
    assert intent.amount_received == 1
    assert (honest.amount, honest.livemode) == (1999, False)
    books = await control("GET", "ledger")
    assert [it["amount"] for it in books["charges"]] == [1999, 1999, 1999]
    assert books["charges"][0]["misreported"] == lie


async def test_requests_are_counted_and_remembered(
    client: stripe.StripeClient, control: Control
) -> None:
    charge = await pay(client)
    for _ in range(2):
        await client.v1.charges.retrieve_async(charge.id)
    told = await control("GET", "requests")
    assert told["counts"] == {"POST /v1/charges": 1, "GET /v1/charges/{id}": 2}
    assert told["recent"][0]["params"]["source"] == "tok_visa"
    assert told["recent"][0]["version"] == stripe.api_version
    await control("POST", "reset")
    assert (await control("GET", "ledger"))["charges"] == []
