"""A running double, and a client connected to it."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from payments_kit.doubles.paypal import RunningDouble, running_paypal_double
from tests.doubles.paypal.api import Api


@pytest.fixture
async def double() -> AsyncIterator[RunningDouble]:
    async with running_paypal_double() as running:
        yield running


@pytest.fixture
async def api(double: RunningDouble) -> AsyncIterator[Api]:
    async with aiohttp.ClientSession() as session:
        api = Api(double.url, session)
        await api.sign_in()
        yield api
