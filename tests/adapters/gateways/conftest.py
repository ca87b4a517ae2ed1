"""Stripe accounts for the tests of this folder."""

from collections.abc import AsyncIterator

import pytest

from tests.adapters.gateways.stripe_account import CHARGES, INTENTS, Account, stripe_account


@pytest.fixture
async def account() -> AsyncIterator[Account]:
    """An account used through payment intents."""
    async with stripe_account() as account:
        yield account


@pytest.fixture(params=[CHARGES, INTENTS])
async def each(request: pytest.FixtureRequest) -> AsyncIterator[Account]:
    """An account used through each of the two APIs."""
    async with stripe_account(request.param) as account:
        yield account
