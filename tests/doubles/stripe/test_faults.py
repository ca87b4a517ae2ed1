"""Each fault affects the SDK as the network or Stripe would."""

import asyncio

import aiohttp
import pytest
import stripe
from stripe import StripeClient

from payments_kit.doubles.stripe import RunningDouble
from tests.doubles.stripe.sdk import CHARGE, KEY, SECONDS, Connect, Control, failing, until


@pytest.mark.parametrize(
    ("kind", "charges", "error", "message"),
    [
        ("timeout_before", 0, stripe.APIConnectionError, "TimeoutError"),
        ("timeout_after", 1, stripe.APIConnectionError, "TimeoutError"),
        ("reset_before", 0, stripe.APIConnectionError, "ClientOSError"),
        ("reset_after", 1, stripe.APIConnectionError, "ClientOSError"),
        ("truncate", 1, aiohttp.ClientPayloadError, "payload is not completed"),
        ("garbage", 1, stripe.APIError, "Invalid response body"),
    ],
)
async def test_a_broken_reply_leaves_the_outcome_unknown_until_the_key_is_used_again(
    connect: Connect,
    control: Control,
    double: RunningDouble,
    kind: str,
    charges: int,
    error: type[Exception],
    message: str,
) -> None:
    client = connect()
    impatient = connect(timeout=0.3) if kind.startswith("timeout") else client
    await control("POST", "faults", kind=kind, path="^/v1/charges$")
    with pytest.raises(error, match=message):
        await impatient.v1.charges.create_async(CHARGE, KEY)
    await until(lambda: double.faults.happened == {kind: 1})
    assert len(double.ledger.charges) == charges
    assert (await control("GET", "faults"))["happened"] == {kind: 1}
    charge = await client.v1.charges.create_async(CHARGE, KEY)
    assert list(double.ledger.charges) == [charge.id]


async def test_a_slow_request_is_executed_even_if_its_client_disconnects(
    connect: Connect, double: RunningDouble
) -> None:
    double.faults.add("slow", "/v1/charges", seconds=0.3)
    started = asyncio.get_running_loop().time()
    assert (await connect().v1.charges.create_async(CHARGE)).status == "succeeded"
    assert asyncio.get_running_loop().time() - started >= 0.3
    double.faults.add("slow", "/v1/charges", seconds=SECONDS)
    with failing(stripe.APIConnectionError):
        await connect(timeout=0.1).v1.charges.create_async(CHARGE)
    assert len(double.ledger.charges) == 1
    await until(lambda: double.faults.happened["slow"] == 2)
    double.faults.release()
    await until(lambda: len(double.ledger.charges) == 2)


async def test_a_late_request_is_executed_after_its_client_has_given_up(
    connect: Connect, double: RunningDouble
) -> None:
    double.faults.add("late", "/v1/charges", seconds=SECONDS, reply="hang")
    with failing(stripe.APIConnectionError):
        await connect(timeout=0.2).v1.charges.create_async(CHARGE, KEY)
    assert double.ledger.charges == {}
    await until(lambda: double.faults.happened["late"] == 1)
    double.faults.release()
    await until(lambda: double.faults.happened["late_executed"] == 1)
    assert len(double.ledger.charges) == 1


async def test_a_late_request_may_hold_its_key(client: StripeClient, double: RunningDouble) -> None:
    double.faults.add("late", "/v1/charges", seconds=SECONDS, holds_key=True)
    with failing(stripe.APIConnectionError):
        await client.v1.charges.create_async(CHARGE, KEY)
    with failing(stripe.APIError, match="in-progress"):
        await client.v1.charges.create_async(CHARGE, KEY)
    double.faults.release()
    await until(lambda: double.faults.happened["late_executed"] == 1)
    charge = await client.v1.charges.create_async(CHARGE, KEY)
    assert list(double.ledger.charges) == [charge.id]


async def test_faults_are_skipped_counted_and_removed_or_refused(
    client: StripeClient, control: Control
) -> None:
    await control(
        "POST", "faults", kind="status_before", path="charges", method="*", times=2, skip=1
    )
    statuses = []
    for _ in range(4):
        try:
            await client.v1.charges.list_async()
            statuses.append(200)
        except stripe.APIError as error:
            statuses.append(error.http_status or 0)
    assert statuses == [200, 500, 500, 200]
    await control("POST", "faults", kind="garbage", times=-1)
    assert len((await control("GET", "faults"))["waiting"]) == 1
    assert (await control("DELETE", "faults"))["waiting"] == []
    await control("POST", "faults", 400, kind="earthquake")
