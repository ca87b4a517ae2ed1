"""What the official SDK sees of authorizations, confirmation tokens and a bank's page."""

from typing import Any

import pytest
from stripe import StripeClient

from tests.doubles.stripe.sdk import Control, failing, intend, pay


async def hold(client: StripeClient, **more: Any) -> Any:
    return await intend(client, capture_method="manual", expand=["latest_charge"], **more)


async def test_what_is_not_captured_is_released_and_not_refunded(client: StripeClient) -> None:
    held = await hold(client)
    assert held.latest_charge.payment_method_details.card.capture_before > held.created
    captured = await client.v1.payment_intents.capture_async(held.id, {"amount_to_capture": 600})
    charge = await client.v1.charges.retrieve_async(held.latest_charge.id)
    assert (captured.amount_received, charge.amount_captured) == (600, 600)
    assert (charge.amount_refunded, charge.refunded) == (0, False)
    assert (await client.v1.refunds.list_async({"charge": charge.id})).data == []
    with failing(match="greater than unrefunded amount"):
        await client.v1.refunds.create_async({"charge": charge.id, "amount": 601})
    await client.v1.refunds.create_async({"charge": charge.id})
    assert (await client.v1.charges.retrieve_async(charge.id)).refunded


@pytest.mark.parametrize("amount", [0, 2000])
async def test_a_capture_of_nothing_or_too_much_is_refused(
    client: StripeClient, amount: int
) -> None:
    held = await hold(client)
    with failing(param="amount"):
        await client.v1.payment_intents.capture_async(held.id, {"amount_to_capture": amount})


async def test_a_charge_of_an_intent_is_captured_and_released_by_its_intent(
    client: StripeClient,
) -> None:
    held = await hold(client)
    with failing(match="created by a PaymentIntent"):
        await client.v1.charges.capture_async(held.latest_charge.id)
    with failing(match="does not have a successful charge"):
        await client.v1.refunds.create_async({"charge": held.latest_charge.id})


async def test_an_authorization_runs_out_on_demand(client: StripeClient, control: Control) -> None:
    held, charge = await hold(client), await pay(client, capture=False)
    await control("POST", "expire", payment_intent=held.id)
    await control("POST", "expire", charge=charge.id)
    ended = await client.v1.payment_intents.retrieve_async(held.id)
    assert (ended.status, ended.cancellation_reason) == ("canceled", "expired")
    with failing(code="charge_expired_for_capture"):
        await client.v1.charges.capture_async(charge.id)
    await control("POST", "expire", 400, payment_intent=(await intend(client)).id)


async def test_a_confirmation_token_confirms_one_intent(client: StripeClient) -> None:
    token = await client.v1.test_helpers.confirmation_tokens.create_async(
        {"payment_method": "pm_card_visa"}
    )
    params: Any = {
        "amount": 1999,
        "currency": "usd",
        "confirm": True,
        "confirmation_token": token.id,
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
    }
    intent = await client.v1.payment_intents.create_async(params)
    used = await client.v1.confirmation_tokens.retrieve_async(token.id)
    assert (intent.status, used.payment_intent) == ("succeeded", intent.id)
    with failing(param="confirmation_token"):
        await client.v1.payment_intents.create_async(params)
    with failing(param="confirmation_token"):
        await client.v1.payment_intents.create_async(params | {"confirm": False})
    with failing(code="parameters_exclusive"):
        await client.v1.payment_intents.create_async(params | {"payment_method": "pm_card_visa"})
