"""What `pytest --gateway` collects: every part of the contract, on the harness that was named."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from payments_kit.conformance.bounded import BoundedHarness
from payments_kit.conformance.kit import KIT
from payments_kit.conformance.promises import (
    AuthenticationContract,
    FailingGatewayContract,
    PaymentGatewayContract,
    UnreliableConnectionContract,
)


@pytest_asyncio.fixture
async def harness(request: pytest.FixtureRequest) -> AsyncIterator[BoundedHarness]:
    """A harness of the test's own."""
    async with request.config.stash[KIT].harness() as made:
        yield BoundedHarness(made)


class TestGateway(PaymentGatewayContract):
    """With the hooks that every harness has."""


class TestUnreliableConnection(UnreliableConnectionContract):
    """With a connection that can be made to fail."""


class TestFailingGateway(FailingGatewayContract):
    """With a gateway that can be made to fail."""


class TestAuthentication(AuthenticationContract):
    """With cards whose bank wants to see the customer."""
