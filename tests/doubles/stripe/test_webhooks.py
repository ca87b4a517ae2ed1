"""Events reach an endpoint as from Stripe, in any order, repeated or forged."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import nullcontext
from typing import Any

import pytest
import stripe
from stripe import StripeClient

from payments_kit.doubles.stripe import RunningDouble
from tests.doubles.shop import SECONDS, Shop, running_shop
from tests.doubles.stripe.sdk import Control, intend, pay

SECRET = "whsec_test"


@pytest.fixture
async def shop(control: Control) -> AsyncIterator[Shop]:
    async with running_shop() as shop:
        await control("POST", "webhooks", url=shop.url, secret=SECRET)
        yield shop


def verified(body: bytes, headers: Mapping[str, str]) -> Any:
    return stripe.Webhook.construct_event(body, headers.get("Stripe-Signature"), SECRET)


async def first_delivery(control: Control) -> Any:
    return (await control("GET", "webhooks"))["deliveries"][0]


async def test_events_arrive_in_order_and_verify(client: StripeClient, shop: Shop) -> None:
    intent = await intend(client, metadata={"payment_id": "p1"})
    await shop.until(3)
    types = ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]
    assert shop.types("type") == types
    event = verified(*shop.received[2])
    assert event.id.startswith("evt_")
    assert event.data.object.id == intent.id
    assert event.data.object.metadata["payment_id"] == "p1"
    assert event.livemode is False


async def test_either_of_two_secrets_verifies(
    client: StripeClient, control: Control, shop: Shop
) -> None:
    await control("DELETE", "webhooks")
    await control("POST", "webhooks", url=shop.url, secrets=["whsec_old", SECRET])
    await pay(client)
    await shop.until(1)
    assert verified(*shop.received[0]).type == "charge.succeeded"


async def test_events_are_held_and_released_in_any_order(
    client: StripeClient, control: Control, shop: Shop
) -> None:
    await control("POST", "webhooks/delivery", paused=True)
    await intend(client)
    assert {each["state"] for each in (await control("GET", "webhooks"))["deliveries"]} == {"held"}
    assert shop.received == []
    types = ["charge.succeeded", "payment_intent.succeeded"]
    sent = (await control("POST", "deliver", types=types, order="last"))["deliveries"]
    assert shop.types("type") == ["payment_intent.succeeded", "charge.succeeded"]
    assert [each["state"] for each in sent] == ["delivered", "delivered"]
    await control("POST", "deliver", events=[sent[0]["event"]], duplicate=2)
    assert shop.types("type")[2:] == ["payment_intent.succeeded"] * 2
    await control("POST", "deliver")
    assert shop.types("type")[4:] == ["payment_intent.created"]


async def test_events_are_repeated_reordered_or_delayed(
    client: StripeClient, control: Control, shop: Shop
) -> None:
    await control("POST", "webhooks/delivery", duplicate=2, reorder=True)
    await intend(client)
    await shop.until(6)
    assert shop.types("type")[:2] == ["payment_intent.succeeded"] * 2
    assert shop.types("type")[4:] == ["payment_intent.created"] * 2
    await control("POST", "webhooks/delivery", duplicate=1, reorder=False, delay=0.2)
    before = time.monotonic()
    await pay(client)
    await shop.until(7)
    assert time.monotonic() - before >= 0.2


async def test_an_event_that_is_not_accepted_is_sent_again(
    client: StripeClient, control: Control, shop: Shop
) -> None:
    await control("POST", "webhooks/delivery", retry_after=0.02)
    shop.statuses = [503, 400]
    await pay(client)
    await shop.until(3)
    assert len({json.loads(body)["id"] for body, _ in shop.received}) == 1
    async with asyncio.timeout(SECONDS):
        while (await first_delivery(control))["state"] != "delivered":  # noqa: ASYNC110 - no event tells it
            await asyncio.sleep(0.01)
    assert (await first_delivery(control))["statuses"] == [503, 400, 200]


@pytest.mark.parametrize(
    "forged", ["wrong_secret", "tampered", "stale", "unsigned", "malformed", "future"]
)
async def test_a_forged_event_does_not_verify_but_the_sdk_accepts_the_future(
    client: StripeClient, control: Control, shop: Shop, forged: str
) -> None:
    await control("POST", "webhooks/delivery", paused=True)
    await pay(client)
    await control("POST", "deliver", forged=forged)
    with nullcontext() if forged == "future" else pytest.raises(stripe.SignatureVerificationError):
        assert verified(*shop.received[0]).type == "charge.succeeded"


async def test_refunds_disputes_and_cancellations_send_events(
    client: StripeClient, control: Control, shop: Shop, double: RunningDouble
) -> None:
    charge = await pay(client, "tok_refundFail")
    refund = await client.v1.refunds.create_async({"charge": charge.id})
    await control("POST", "finish", refund=refund.id, result="failed")
    dispute = await control("POST", "dispute", charge=charge.id)
    await control("POST", "close_dispute", dispute=dispute["id"])
    waiting = await intend(client, "pm_card_authenticationRequired")
    await client.v1.payment_intents.cancel_async(waiting.id)
    await shop.until(len(double.ledger.events))
    assert shop.types("type") == [
        *("charge.succeeded", "refund.created", "charge.refunded", "refund.failed"),
        *("refund.updated", "charge.refund.updated"),
        *("charge.dispute.created", "charge.dispute.closed"),
        *(f"payment_intent.{state}" for state in ("created", "requires_action", "canceled")),
    ]
