"""The brokers on which the contract suites of the messaging ports run, with the same interface."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import nats
from attrs import define
from nats.aio.client import Client
from nats.js import JetStreamContext

from adapters.messaging.in_memory import (
    ACK_WAIT,
    InMemoryDeadLetters,
    InMemoryEventLog,
    InMemoryInboundLag,
    InMemoryPublisher,
)
from adapters.messaging.jetstream.connection import JetStreamConnection
from adapters.messaging.jetstream.dead_letters import JetStreamDeadLetters
from adapters.messaging.jetstream.event_log import JetStreamEventLog
from adapters.messaging.jetstream.lag import JetStreamInboundLag
from adapters.messaging.jetstream.plans import (
    DEAD_LETTERS,
    NO_LIMIT,
    ORDER_SHIPPED,
    ORDERS,
    SHIPMENTS_CONSUMER,
)
from adapters.messaging.jetstream.publisher import JetStreamPublisher
from adapters.messaging.jetstream.streams import Streams
from adapters.messaging.jetstream.subscription import JetStreamSubscription
from adapters.messaging.wire import Message
from application.ports.event_log import EventLog
from application.ports.event_publisher import EventPublisher
from application.ports.inbound_events import DeadLetters, InboundEvents
from application.ports.inbound_lag import InboundLag
from tests.world import World

# Every wait has a limit; on a quiet machine these take milliseconds.
TIMEOUT = 120.0

# The JetStream consumers' ack wait in tests that wait for it.
SHORT_ACK_WAIT = 1.0


@define
class Broker(ABC):
    """A broker, its adapters, and how other services use it."""

    publisher: EventPublisher
    letters: DeadLetters
    lag: InboundLag
    log: EventLog

    @abstractmethod
    def subscribe(self, durable: str = "payments") -> InboundEvents:
        """Return the subscription of another process to the order events."""

    @abstractmethod
    def subscribe_to_shipments(self) -> InboundEvents:
        """Return the subscription to `order:shipped`, which has a consumer of its own."""

    @abstractmethod
    async def send(self, subject: str, data: bytes, headers: Mapping[str, str]) -> None:
        """Publish as another service."""

    async def send_orders(self, *bodies: bytes) -> InboundEvents:
        """Publish order events; return a subscription to them."""
        for body in bodies:
            await self.send("order:created", body, {})
        return self.subscribe()

    @abstractmethod
    async def stored(self, subject: str) -> Sequence[Message]:
        """Return all messages that were published on a subject."""

    @abstractmethod
    def seconds(self) -> float:
        """Return the time of a clock that never goes back."""

    @abstractmethod
    async def let_pass(self, span: timedelta) -> None:
        """Let this much time pass."""

    @abstractmethod
    async def forget_message_ids(self) -> None:
        """Forget the ids of stored messages, as after the duplicate window."""

    @abstractmethod
    async def refuse_dead_letters(self, refuses: bool) -> None:
        """Store no dead letter, or store them again."""

    @abstractmethod
    async def let_ack_wait_pass(self) -> None:
        """Let time pass until deliveries that were not ended are repeated."""


@define
class InMemoryTestBroker(Broker):
    """The broker in memory."""

    world: World

    def subscribe(self, durable: str = "payments") -> InboundEvents:
        return self.world.broker.subscribe(durable, *ORDERS.subjects)

    def subscribe_to_shipments(self) -> InboundEvents:
        return self.world.broker.subscribe(SHIPMENTS_CONSUMER, ORDER_SHIPPED)

    async def send(self, subject: str, data: bytes, headers: Mapping[str, str]) -> None:
        self.world.broker.store(Message(subject, data, headers))

    async def stored(self, subject: str) -> Sequence[Message]:
        log = self.world.broker.log
        return [each.message for each in log if each.message.subject == subject]

    def seconds(self) -> float:
        return self.world.seconds()

    async def let_pass(self, span: timedelta) -> None:
        self.world.advance(span.total_seconds())

    async def forget_message_ids(self) -> None:
        self.world.broker.forget_ids()

    async def refuse_dead_letters(self, refuses: bool) -> None:
        self.world.failing = {"dead letter"} if refuses else set()

    async def let_ack_wait_pass(self) -> None:
        await self.let_pass(ACK_WAIT)


@define
class _JetStream(Broker):
    letters: JetStreamDeadLetters
    jetstream: JetStreamContext
    connection: JetStreamConnection
    streams: Streams

    def subscribe(self, durable: str = "payments") -> InboundEvents:
        adapters = (self.connection, self.streams, self.letters)
        return JetStreamSubscription(*adapters, ORDERS, durable=durable)

    def subscribe_to_shipments(self) -> InboundEvents:
        adapters = (self.connection, self.streams, self.letters)
        plan = self.streams.plans.shipments
        return JetStreamSubscription(*adapters, plan, durable=SHIPMENTS_CONSUMER)

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

    def seconds(self) -> float:
        return time.monotonic()

    async def let_pass(self, span: timedelta) -> None:
        await asyncio.sleep(span.total_seconds())

    async def forget_message_ids(self) -> None:
        config = (await self.jetstream.stream_info(DEAD_LETTERS.name)).config
        shortest = 0.1  # seconds: the shortest window that a server accepts
        await self.jetstream.update_stream(config.evolve(duplicate_window=shortest))
        await asyncio.sleep(2 * shortest)

    async def refuse_dead_letters(self, refuses: bool) -> None:
        await self.streams.ensure(DEAD_LETTERS)
        config = (await self.jetstream.stream_info(DEAD_LETTERS.name)).config
        most = 1 if refuses else NO_LIMIT  # bytes
        await self.jetstream.update_stream(config.evolve(max_bytes=most))

    async def let_ack_wait_pass(self) -> None:
        # The server applies it to what it has delivered, too.
        consumer = await self.jetstream.consumer_info(ORDERS.name, "payments")
        await self.jetstream.add_consumer(ORDERS.name, consumer.config, ack_wait=SHORT_ACK_WAIT)
        await asyncio.sleep(2 * SHORT_ACK_WAIT)
        # We use no consumer whose ack wait is so short.
        await self.jetstream.add_consumer(ORDERS.name, consumer.config)


@asynccontextmanager
async def other_client(url: str) -> AsyncIterator[Client]:
    """Yield the client of another service."""
    client = await nats.connect(url, allow_reconnect=False, connect_timeout=int(TIMEOUT))
    try:
        yield client
    finally:
        await client.close()


def broker_in_memory() -> InMemoryTestBroker:
    """Return a broker in memory, with a manual clock."""
    world = World()
    broker = world.broker
    return InMemoryTestBroker(
        InMemoryPublisher(broker),
        InMemoryDeadLetters(broker),
        InMemoryInboundLag(broker),
        InMemoryEventLog(broker),
        world,
    )


@asynccontextmanager
async def broker_on_jetstream(url: str) -> AsyncIterator[Broker]:
    """Yield the broker on a server."""
    async with other_client(url) as client, JetStreamConnection(url) as connection:
        streams = Streams(connection)
        await streams.ensure(ORDERS)
        publisher = JetStreamPublisher(connection, streams)
        letters = JetStreamDeadLetters(connection, streams)
        context = client.jetstream(timeout=TIMEOUT)
        lag = JetStreamInboundLag(connection, streams)
        log = JetStreamEventLog(connection, streams)
        yield _JetStream(publisher, lag, log, letters, context, connection, streams)
