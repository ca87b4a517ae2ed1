"""A running double, and the official SDK connected to it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import aiohttp
import pytest
import stripe
from stripe import StripeClient

from payments_kit.doubles.stripe import RunningDouble, running_stripe_double
from tests.doubles.stripe.sdk import SECONDS, Connect, Control


@pytest.fixture
async def double() -> AsyncIterator[RunningDouble]:
    async with running_stripe_double() as running:
        yield running


@pytest.fixture
async def connect(double: RunningDouble, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Connect]:
    """Make SDK clients, and close them at the end."""
    monkeypatch.setattr(stripe, "enable_telemetry", False)
    async with AsyncExitStack() as stack:

        def make(api_key: str = "sk_test_double", timeout: float = SECONDS) -> StripeClient:
            http = stripe.AIOHTTPClient(
                timeout=aiohttp.ClientTimeout(total=timeout),
                connector=aiohttp.TCPConnector(limit=0),
            )
            stack.push_async_callback(http.close_async)
            return StripeClient(api_key, base_addresses={"api": double.url}, http_client=http)

        yield make


@pytest.fixture
async def client(connect: Connect) -> StripeClient:
    return connect()


@pytest.fixture
async def control(double: RunningDouble) -> AsyncIterator[Control]:
    async with aiohttp.ClientSession() as session:
        yield Control(double.url, session)
