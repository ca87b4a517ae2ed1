"""A running double, and the official SDK pointed at it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest
import stripe

from . import RunningDouble, running_stripe_double

Connect = Callable[..., stripe.StripeClient]


@pytest.fixture
async def double() -> AsyncIterator[RunningDouble]:
    async with running_stripe_double() as running:
        yield running


@pytest.fixture
async def connect(double: RunningDouble, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Connect]:
    """Make SDK clients; what they opened is closed at the end."""
    monkeypatch.setattr(stripe, "enable_telemetry", False)
    async with AsyncExitStack() as stack:

        def make(api_key: str = "sk_test_double", timeout: float = 5.0) -> stripe.StripeClient:
            http = stripe.AIOHTTPClient(
                timeout=aiohttp.ClientTimeout(total=timeout),
                connector=aiohttp.TCPConnector(limit=0),
            )
            stack.push_async_callback(http.close_async)
            return stripe.StripeClient(
                api_key, base_addresses={"api": double.url}, http_client=http
            )

        yield make


@pytest.fixture
async def client(connect: Connect) -> stripe.StripeClient:
    return connect()


class Control:
    """The control API over HTTP, as another process uses it."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self.session = session

    async def __call__(self, method: str, path: str, body: Any = None) -> Any:
        async with self.session.request(method, f"{self.url}/_double/{path}", json=body) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()


@pytest.fixture
async def control(double: RunningDouble) -> AsyncIterator[Control]:
    async with aiohttp.ClientSession() as session:
        yield Control(double.url, session)
