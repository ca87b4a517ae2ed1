"""The official SDK and the control API, for the tests of this folder."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
import pytest
import stripe
from stripe import StripeClient

Connect = Callable[..., StripeClient]

# Every wait has a limit; on a quiet machine these take milliseconds.
SECONDS = 60.0

CHARGE: Any = {"amount": 1999, "currency": "usd", "source": "tok_visa"}
KEY: Any = {"idempotency_key": "payment-1"}


def a_charge(**changes: Any) -> Any:
    return {**CHARGE, **changes}


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition is true."""
    async with asyncio.timeout(SECONDS):
        while not condition():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.01)


class Control:
    """The control API over HTTP, as another process uses it."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self.session = session

    async def __call__(self, method: str, path: str, status: int = 200, /, **body: Any) -> Any:
        url = f"{self.url}/_double/{path}"
        async with self.session.request(method, url, json=body or None) as reply:
            assert reply.status == status, await reply.text()
            return await reply.json()


async def pay(client: StripeClient, source: str = "tok_visa", **more: Any) -> stripe.Charge:
    return await client.v1.charges.create_async(a_charge(source=source, **more))


async def intend(
    client: StripeClient, method: str = "pm_card_visa", **more: Any
) -> stripe.PaymentIntent:
    params: Any = {
        "amount": 1999,
        "currency": "usd",
        "confirm": True,
        "payment_method": method,
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        **more,
    }
    return await client.v1.payment_intents.create_async(params)


@contextmanager
def failing(
    error: type[stripe.StripeError] = stripe.InvalidRequestError,
    match: str | None = None,
    **attributes: Any,
) -> Iterator[pytest.ExceptionInfo[Any]]:
    """Expect an SDK error with these attributes."""
    with pytest.raises(error, match=match) as caught:
        yield caught
    assert {name: getattr(caught.value, name) for name in attributes} == attributes
