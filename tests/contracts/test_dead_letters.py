"""The contract of DeadLetters, kept by every adapter."""

from collections.abc import AsyncIterator

import pytest

from tests.contracts.brokers import BrokerUnderTest, in_memory, jetstream
from tests.contracts.dead_letters import DeadLettersContract


class TestInMemory(DeadLettersContract):
    """In memory."""

    @pytest.fixture
    async def broker(self) -> AsyncIterator[BrokerUnderTest]:
        async with in_memory() as broker:
            yield broker


class TestJetStream(DeadLettersContract):
    """A real NATS server."""

    @pytest.fixture
    async def broker(self, nats_url: str) -> AsyncIterator[BrokerUnderTest]:
        async with jetstream(nats_url) as broker:
            yield broker
