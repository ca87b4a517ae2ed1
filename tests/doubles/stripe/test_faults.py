"""Each fault does to the SDK what the network or Stripe would."""

import asyncio
from typing import Any

import aiohttp
import pytest
import stripe

from . import RunningDouble
from .conftest import Connect, Control

CHARGE: Any = {"amount": 1999, "currency": "usd", "source": "tok_visa"}
KEY: Any = {"idempotency_key": "payment-1"}


@pytest.mark.parametrize(
    ("kind", "made", "error", "message"),
    [
        ("timeout_before", 0, stripe.APIConnectionError, "TimeoutError"),
        ("timeout_after", 1, stripe.APIConnectionError, "TimeoutError"),
        ("reset_before", 0, stripe.APIConnectionError, "ClientOSError"),
        ("reset_after", 1, stripe.APIConnectionError, "ClientOSError"),
        ("truncate", 1, aiohttp.ClientPayloadError, "payload is not completed"),
        ("garbage", 1, stripe.APIError, "Invalid response body"),
    ],
)
async def test_the_outcome_is_unknown_and_the_key_tells_it(
    connect: Connect,
    control: Control,
    double: RunningDouble,
    kind: str,
    made: int,
    error: type[Exception],
    message: str,
) -> None:
    client = connect(timeout=0.3)
    await control("POST", "faults", {"kind": kind, "path": "^/v1/charges$"})
    with pytest.raises(error, match=message):
        await client.v1.charges.create_async(CHARGE, KEY)
    assert len(double.ledger.charges) == made
    assert (await control("GET", "faults"))["happened"] == {kind: 1}

    charge = await client.v1.charges.create_async(CHARGE, KEY)
    assert list(double.ledger.charges) == [charge.id]


@pytest.mark.parametrize("status", [500, 502, 503, 429])
async def test_a_status_comes_with_nothing_made(
    client: stripe.StripeClient, double: RunningDouble, status: int
) -> None:
    double.faults.add("status_before", "/v1/charges", status=status)
    with pytest.raises(stripe.StripeError) as caught:
        await client.v1.charges.create_async(CHARGE)
    assert caught.value.http_status == status
    assert isinstance(caught.value, stripe.RateLimitError if status == 429 else stripe.APIError)
    assert double.ledger.charges == {}


async def test_a_front_may_answer_with_a_page(
    client: stripe.StripeClient, double: RunningDouble
) -> None:
    double.faults.add("status_before", "/v1/charges", status=503, html=True)
    with pytest.raises(stripe.APIError) as caught:
        await client.v1.charges.create_async(CHARGE)
    assert caught.value.http_status == 503
    assert caught.value.json_body is None or caught.value.error is None


async def test_slow_answers_in_the_end(client: stripe.StripeClient, double: RunningDouble) -> None:
    double.faults.add("slow", "/v1/charges", seconds=0.2)
    started = asyncio.get_running_loop().time()
    assert (await client.v1.charges.create_async(CHARGE)).status == "succeeded"
    assert asyncio.get_running_loop().time() - started >= 0.2


async def test_a_client_that_leaves_is_charged_all_the_same(
    connect: Connect, double: RunningDouble
) -> None:
    double.faults.add("slow", "/v1/charges", seconds=0.3)
    with pytest.raises(stripe.APIConnectionError):
        await connect(timeout=0.1).v1.charges.create_async(CHARGE)
    assert double.ledger.charges == {}
    await asyncio.sleep(0.4)
    assert len(double.ledger.charges) == 1


@pytest.mark.parametrize("reply", ["reset", "hang"])
async def test_a_late_charge_lands_after_the_answer_was_lost(
    connect: Connect, double: RunningDouble, reply: Any
) -> None:
    double.faults.add("late", "/v1/charges", seconds=0.4, reply=reply)
    with pytest.raises(stripe.APIConnectionError):
        await connect(timeout=0.2).v1.charges.create_async(CHARGE, KEY)
    assert double.ledger.charges == {}
    await asyncio.sleep(0.6)
    assert len(double.ledger.charges) == 1
    assert double.faults.happened["late_landed"] == 1


async def test_a_late_charge_may_hold_its_key(connect: Connect, double: RunningDouble) -> None:
    client = connect()
    double.faults.add("late", "/v1/charges", seconds=0.3, holds_key=True)
    with pytest.raises(stripe.APIConnectionError):
        await client.v1.charges.create_async(CHARGE, KEY)
    await asyncio.sleep(0.05)
    with pytest.raises(stripe.APIError, match="in-progress"):
        await client.v1.charges.create_async(CHARGE, KEY)
    await asyncio.sleep(0.4)
    charge = await client.v1.charges.create_async(CHARGE, KEY)
    assert list(double.ledger.charges) == [charge.id]


async def test_faults_are_counted_out_skipped_and_cleared(
    client: stripe.StripeClient, control: Control
) -> None:
    fault = {"kind": "status_before", "path": "charges", "method": "*", "times": 2, "skip": 1}
    await control("POST", "faults", fault)
    seen = []
    for _ in range(4):
        try:
            await client.v1.charges.list_async()
            seen.append(200)
        except stripe.APIError as error:
            seen.append(error.http_status or 0)
    assert seen == [200, 500, 500, 200]
    await control("POST", "faults", {"kind": "garbage", "times": -1})
    assert len((await control("GET", "faults"))["waiting"]) == 1
    assert (await control("DELETE", "faults"))["waiting"] == []


async def test_an_unknown_fault_is_refused(double: RunningDouble) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{double.url}/_double/faults", json={"kind": "earthquake"}) as answer,
    ):
        assert answer.status == 400
