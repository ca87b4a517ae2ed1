"""The contract of InboundEvents, kept by every adapter."""

from collections.abc import AsyncIterator

import pytest

from tests.contracts.brokers import BrokerUnderTest, in_memory, jetstream
from tests.contracts.inbound_events import InboundEventsContract


class TestInMemory(InboundEventsContract):
    """In memory."""

    @pytest.fixture
    async def broker(self) -> AsyncIterator[BrokerUnderTest]:
        async with in_memory() as broker:
            yield broker


class TestJetStream(InboundEventsContract):
    """A real NATS server."""

    @pytest.fixture
    async def broker(self, nats_url: str) -> AsyncIterator[BrokerUnderTest]:
        async with jetstream(nats_url) as broker:
            yield broker
