"""The contract of EventPublisher, kept by every adapter."""

from collections.abc import AsyncIterator

import pytest

from tests.contracts.brokers import BrokerUnderTest, in_memory, jetstream
from tests.contracts.event_publisher import EventPublisherContract


class TestInMemory(EventPublisherContract):
    """In memory."""

    @pytest.fixture
    async def broker(self) -> AsyncIterator[BrokerUnderTest]:
        async with in_memory() as broker:
            yield broker


class TestJetStream(EventPublisherContract):
    """A real NATS server."""

    @pytest.fixture
    async def broker(self, nats_url: str) -> AsyncIterator[BrokerUnderTest]:
        async with jetstream(nats_url) as broker:
            yield broker
