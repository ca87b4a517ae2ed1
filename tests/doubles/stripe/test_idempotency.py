"""Idempotency keys work as at Stripe."""

import asyncio
from typing import Any

import pytest
import stripe
from stripe import StripeClient

from payments_kit.doubles.stripe import RunningDouble
from tests.doubles.stripe.sdk import (
    CHARGE,
    KEY,
    SECONDS,
    Control,
    a_charge,
    failing,
    intend,
    until,
)


async def test_the_first_reply_is_repeated(client: StripeClient, double: RunningDouble) -> None:
    first = await client.v1.charges.create_async(CHARGE, KEY)
    again = await client.v1.charges.create_async(CHARGE, KEY)
    assert first.last_response is not None
    assert again.last_response is not None
    headers: Any = again.last_response.headers
    assert headers["Idempotent-Replayed"] == "true"
    assert headers["Original-Request"] == first.last_response.request_id
    assert "Idempotent-Replayed" not in first.last_response.headers
    assert list(double.ledger.charges) == [first.id] == [again.id]


async def test_a_key_with_other_parameters_is_refused(client: StripeClient) -> None:
    await client.v1.charges.create_async(CHARGE, KEY)
    with failing(stripe.IdempotencyError, http_status=400) as caught:
        await client.v1.charges.create_async(a_charge(amount=2000), KEY)
    assert caught.value.error.type == "idempotency_error"
    with failing(stripe.IdempotencyError, match="same endpoint"):
        await client.v1.refunds.create_async({"charge": "ch_x"}, KEY)


async def test_a_key_whose_request_is_in_progress_is_a_conflict(
    client: StripeClient, double: RunningDouble
) -> None:
    double.faults.add("slow", "/v1/charges", seconds=SECONDS)
    first = asyncio.create_task(client.v1.charges.create_async(CHARGE, KEY))
    await until(lambda: double.faults.happened["slow"] == 1)
    with failing(stripe.APIError, http_status=409) as caught:
        await client.v1.charges.create_async(CHARGE, KEY)
    assert caught.value.error.code == "idempotency_key_in_use"
    double.faults.release()
    charge = await first
    assert (await client.v1.charges.create_async(CHARGE, KEY)).id == charge.id


async def test_an_invalid_parameter_does_not_use_the_key(client: StripeClient) -> None:
    with failing():
        await client.v1.charges.create_async(a_charge(amount=1), KEY)
    assert (await client.v1.charges.create_async(CHARGE, KEY)).status == "succeeded"


async def test_a_refusal_because_of_the_state_is_repeated(client: StripeClient) -> None:
    refund: Any = {"charge": (await client.v1.charges.create_async(CHARGE)).id}
    await client.v1.refunds.create_async(refund)
    with failing():
        await client.v1.refunds.create_async(refund, KEY)
    with failing() as caught:
        await client.v1.refunds.create_async(refund, KEY)
    assert caught.value.headers["Idempotent-Replayed"] == "true"


async def test_an_expired_key_charges_again(
    client: StripeClient, double: RunningDouble, control: Control
) -> None:
    await client.v1.charges.create_async(CHARGE, KEY)
    assert await control("POST", "forget_keys") == {"forgotten": 1}
    await client.v1.charges.create_async(CHARGE, KEY)
    assert len(double.ledger.charges) == 2


async def test_a_repeated_500_must_not_be_retried(
    client: StripeClient, double: RunningDouble
) -> None:
    double.faults.add("status_after", "/v1/charges", status=500)
    with failing(stripe.APIError, http_status=500):
        await client.v1.charges.create_async(CHARGE, KEY)
    with failing(stripe.APIError, http_status=500) as caught:
        await client.v1.charges.create_async(CHARGE, KEY)
    assert caught.value.headers["Stripe-Should-Retry"] == "false"


@pytest.mark.parametrize("status", [429, 503])
async def test_a_refusal_before_execution_does_not_use_the_key(
    client: StripeClient, double: RunningDouble, status: int
) -> None:
    double.faults.add("status_before", "/v1/payment_intents", status=status)
    with failing(stripe.StripeError, http_status=status):
        await intend(client)
    assert (await intend(client)).status == "succeeded"
