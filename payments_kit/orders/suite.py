"""The tests that `pytest --orders` collects: all contracts, on the given harness."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from payments_kit.contract_run import RUN
from payments_kit.orders.checked import CheckedOrders
from payments_kit.orders.delivery_promises import (
    CompletionContract,
    CompletionCrashContract,
    CrashContract,
)
from payments_kit.orders.harness import Harness
from payments_kit.orders.observed_promises import (
    ExpiryContract,
    PublicationContract,
    ReportContract,
)
from payments_kit.orders.promises import OrdersContract
from payments_kit.orders.refund_promises import RefundContract


@pytest_asyncio.fixture
async def orders(request: pytest.FixtureRequest) -> AsyncIterator[CheckedOrders[Harness]]:
    """Open a harness for one test."""
    async with request.config.stash[RUN].harness() as harness:
        yield CheckedOrders(harness)


class TestOrders(OrdersContract):
    """Needs the hooks that every harness has."""


class TestRefunds(RefundContract):
    """Needs the same."""


class TestCompletions(CompletionContract):
    """Needs a service whose deliveries to customers can be counted."""


class TestCrashes(CrashContract):
    """Needs a service that can be made to crash."""


class TestCompletionCrashes(CompletionCrashContract):
    """Needs both."""


class TestExpiry(ExpiryContract):
    """Needs a service whose orders expire."""


class TestReports(ReportContract):
    """Needs a service whose reports can be read."""


class TestPublications(PublicationContract):
    """Needs a service whose own events can be read."""
