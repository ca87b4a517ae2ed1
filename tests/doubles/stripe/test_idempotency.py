"""Idempotency-Key means here what it means at Stripe."""

import asyncio
from typing import Any

import pytest
import stripe

from . import RunningDouble
from .conftest import Control
from .test_stripe_double import intend

CHARGE: Any = {"amount": 1999, "currency": "usd", "source": "tok_visa"}
KEY: Any = {"idempotency_key": "payment-1"}


def other(**changes: Any) -> Any:
    return {**CHARGE, **changes}


async def test_the_first_answer_is_given_again(
    client: stripe.StripeClient, double: RunningDouble
) -> None:
    first = await client.v1.charges.create_async(CHARGE, KEY)
    again = await client.v1.charges.create_async(CHARGE, KEY)
    assert again.id == first.id
    assert first.last_response is not None
    assert again.last_response is not None
    headers: Any = again.last_response.headers
    assert headers["Idempotent-Replayed"] == "true"
    assert headers["Original-Request"] == first.last_response.request_id
    assert "Idempotent-Replayed" not in first.last_response.headers
    assert len(double.ledger.charges) == 1


async def test_a_decline_is_given_again(client: stripe.StripeClient, double: RunningDouble) -> None:
    refs = []
    for _ in range(2):
        with pytest.raises(stripe.CardError) as caught:
            await client.v1.charges.create_async(other(source="tok_chargeDeclined"), KEY)
        assert caught.value.error is not None
        refs.append(caught.value.error.charge)
    assert refs[0] == refs[1]
    assert len(double.ledger.charges) == 1


async def test_other_parameters_under_a_used_key_are_refused(client: stripe.StripeClient) -> None:
    await client.v1.charges.create_async(CHARGE, KEY)
    with pytest.raises(stripe.IdempotencyError) as caught:
        await client.v1.charges.create_async(other(amount=2000), KEY)
    assert caught.value.http_status == 400
    assert caught.value.error is not None
    assert caught.value.error.type == "idempotency_error"
    with pytest.raises(stripe.IdempotencyError, match="same endpoint"):
        await client.v1.refunds.create_async({"charge": "ch_x"}, KEY)


async def test_a_key_still_running_is_a_conflict(
    client: stripe.StripeClient, double: RunningDouble
) -> None:
    double.faults.add("slow", "/v1/charges", seconds=0.3)
    first = asyncio.create_task(client.v1.charges.create_async(CHARGE, KEY))
    await asyncio.sleep(0.1)
    with pytest.raises(stripe.APIError) as caught:
        await client.v1.charges.create_async(CHARGE, KEY)
    assert caught.value.http_status == 409
    assert caught.value.error is not None
    assert caught.value.error.code == "idempotency_key_in_use"
    made = await first
    assert (await client.v1.charges.create_async(CHARGE, KEY)).id == made.id


async def test_a_refused_parameter_does_not_use_the_key(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.charges.create_async(other(amount=1), KEY)
    assert (await client.v1.charges.create_async(CHARGE, KEY)).status == "succeeded"


async def test_a_refusal_by_state_is_given_again(client: stripe.StripeClient) -> None:
    charge = await client.v1.charges.create_async(CHARGE)
    await client.v1.refunds.create_async({"charge": charge.id})
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.refunds.create_async({"charge": charge.id}, KEY)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await client.v1.refunds.create_async({"charge": charge.id}, KEY)
    headers: Any = caught.value.headers
    assert headers["Idempotent-Replayed"] == "true"


async def test_a_forgotten_key_charges_again(
    client: stripe.StripeClient, double: RunningDouble, control: Control
) -> None:
    await client.v1.charges.create_async(CHARGE, KEY)
    assert await control("POST", "forget_keys") == {"forgotten": 1}
    await client.v1.charges.create_async(CHARGE, KEY)
    assert len(double.ledger.charges) == 2


@pytest.mark.parametrize("kind", ["status_before", "status_after"])
async def test_a_500_is_given_again(
    client: stripe.StripeClient, double: RunningDouble, kind: Any
) -> None:
    double.faults.add(kind, "/v1/charges", status=500)
    with pytest.raises(stripe.APIError):
        await client.v1.charges.create_async(CHARGE, KEY)
    with pytest.raises(stripe.APIError) as caught:
        await client.v1.charges.create_async(CHARGE, KEY)
    assert caught.value.http_status == 500
    headers: Any = caught.value.headers
    assert headers["Stripe-Should-Retry"] == "false"
    assert len(double.ledger.charges) == (1 if kind == "status_after" else 0)


@pytest.mark.parametrize("status", [429, 503])
async def test_a_refusal_at_the_front_does_not_use_the_key(
    client: stripe.StripeClient, double: RunningDouble, status: int
) -> None:
    double.faults.add("status_before", "/v1/payment_intents", status=status)
    with pytest.raises(stripe.StripeError) as caught:
        await intend(client)
    assert caught.value.http_status == status
    assert (await intend(client)).status == "succeeded"


async def test_fifty_at_once_charge_once(
    client: stripe.StripeClient, double: RunningDouble
) -> None:
    double.faults.add("slow", "/v1/charges", seconds=0.1, times=50)
    tries = [client.v1.charges.create_async(CHARGE, KEY) for _ in range(50)]
    answers = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(it, stripe.Charge) for it in answers) == 1
    assert len(double.ledger.charges) == 1
