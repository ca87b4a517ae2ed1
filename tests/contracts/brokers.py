"""The brokers that the contract suites of the messaging ports run on, under one handle."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Protocol

import nats
from attrs import define, frozen
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig

from adapters.messaging.in_memory import (
    ACK_WAIT,
    InMemoryBroker,
    InMemoryDeadLetters,
    InMemoryPublisher,
)
from adapters.messaging.jetstream import (
    JetStreamConnection,
    JetStreamDeadLetters,
    JetStreamPublisher,
    JetStreamSubscription,
    Streams,
)
from adapters.messaging.jetstream.streams import ORDERS
from adapters.messaging.wire import Message
from application.ports.event_publisher import EventPublisher
from application.ports.inbound_events import DeadLetters, InboundEvents
from tests.builders import NOW

# Every wait on a real server ends; on a quiet machine these take milliseconds.
TIMEOUT = 30.0

# The ack wait of the JetStream consumers in these tests: long enough to not end by itself within a
# test that does not wait for it.
SHORT_ACK_WAIT = 2.0


class BrokerUnderTest(Protocol):
    """A broker, its adapters, and a stranger's view of it."""

    @property
    def publisher(self) -> EventPublisher:
        """Brings our events to it."""

    @property
    def letters(self) -> DeadLetters:
        """Its dead letters."""

    def subscribe(self, durable: str = "payments") -> InboundEvents:
        """Another replica's subscription to the order events."""

    async def send(self, subject: str, data: bytes, headers: Mapping[str, str]) -> None:
        """Publish as the others do."""

    async def stored(self, subject: str) -> Sequence[Message]:
        """Everything that was ever published on a subject."""

    async def let_pass(self, time: timedelta) -> None:
        """Let time go by."""

    async def let_ack_wait_pass(self) -> None:
        """Let so much time go by that what was not ended comes again."""


@define
class _InMemory:
    broker: InMemoryBroker
    clock: list[datetime]
    publisher: InMemoryPublisher
    letters: InMemoryDeadLetters

    def subscribe(self, durable: str = "payments") -> InboundEvents:
        return self.broker.subscribe(durable, *ORDERS.subjects)

    async def send(self, subject: str, data: bytes, headers: Mapping[str, str]) -> None:
        self.broker.store(Message(subject, data, headers))

    async def stored(self, subject: str) -> Sequence[Message]:
        return [each.message for each in self.broker.log if each.message.subject == subject]

    async def let_pass(self, time: timedelta) -> None:
        self.clock.append(self.clock[-1] + time)

    async def let_ack_wait_pass(self) -> None:
        await self.let_pass(ACK_WAIT)


@frozen
class _JetStream:
    jetstream: JetStreamContext
    connection: JetStreamConnection
    streams: Streams
    publisher: JetStreamPublisher
    letters: JetStreamDeadLetters

    def subscribe(self, durable: str = "payments") -> InboundEvents:
        return JetStreamSubscription(
            self.connection, self.streams, self.letters, ORDERS, durable=durable
        )

    async def send(self, subject: str, data: bytes, headers: Mapping[str, str]) -> None:
        await self.jetstream.publish(subject, data, TIMEOUT, headers=dict(headers) or None)

    async def stored(self, subject: str) -> Sequence[Message]:
        stream = await self.jetstream.find_stream_name_by_subject(subject)
        info = await self.jetstream.stream_info(stream, subjects_filter=subject)
        count = (info.state.subjects or {}).get(subject, 0)
        if not count:
            return []
        reader = await self.jetstream.pull_subscribe(subject, stream=stream)
        found: list[Message] = []
        while len(found) < count:
            for each in await reader.fetch(count - len(found), timeout=TIMEOUT):
                found.append(Message(each.subject, each.data, each.headers or {}))
                await each.ack()
        await reader.unsubscribe()
        return found

    async def let_pass(self, time: timedelta) -> None:
        await asyncio.sleep(time.total_seconds())

    async def let_ack_wait_pass(self) -> None:
        await asyncio.sleep(SHORT_ACK_WAIT)


@asynccontextmanager
async def in_memory() -> AsyncIterator[BrokerUnderTest]:
    """The broker in memory, on a clock that stands still until told otherwise."""
    clock = [NOW]
    broker = InMemoryBroker(lambda: clock[-1])
    yield _InMemory(broker, clock, InMemoryPublisher(broker), InMemoryDeadLetters(broker))


@asynccontextmanager
async def stranger(url: str) -> AsyncIterator[Client]:
    """A client of somebody else."""
    client = await nats.connect(url, allow_reconnect=False)
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def jetstream(url: str) -> AsyncIterator[BrokerUnderTest]:
    """A real server with our streams, and our durable consumer with a shorter ack wait."""
    async with stranger(url) as client, JetStreamConnection(url) as connection:
        streams = Streams(connection)
        stream = (await streams.holding(ORDERS))["order:created"]
        context = client.jetstream()
        await context.add_consumer(
            stream,
            ConsumerConfig(
                durable_name="payments",
                filter_subjects=list(ORDERS.subjects),
                ack_wait=SHORT_ACK_WAIT,
            ),
        )
        yield _JetStream(
            context,
            connection,
            streams,
            JetStreamPublisher(connection, streams),
            JetStreamDeadLetters(connection, streams),
        )
