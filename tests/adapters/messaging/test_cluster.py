"""JetStream on three servers, when the leader of a stream is killed."""

import asyncio

import nats.errors

from adapters.messaging.jetstream.connection import JetStreamConnection
from adapters.messaging.jetstream.dead_letters import JetStreamDeadLetters
from adapters.messaging.jetstream.plans import ORDERS, PAYMENTS
from adapters.messaging.jetstream.publisher import JetStreamPublisher
from adapters.messaging.jetstream.streams import Streams
from adapters.messaging.jetstream.subscription import JetStreamSubscription
from application.ports.event_publisher import BrokerUnavailable, OutboxEntry
from payments_kit.servers.nats_cluster import LocalNatsCluster
from tests.contracts.brokers import other_client
from tests.contracts.event_publisher import created
from tests.contracts.inbound_events import LONG

# Elections take seconds; a loaded machine takes longer.
SECONDS = 180.0


async def publish_until_stored(publisher: JetStreamPublisher, entries: list[OutboxEntry]) -> None:
    """Publish again what is not confirmed, as the relay does."""
    waiting = {entry.event.id: entry for entry in entries}
    while waiting:
        try:
            stored = (await publisher.publish(list(waiting.values()))).stored
        except BrokerUnavailable:
            await asyncio.sleep(0.1)
            continue
        waiting = {name: entry for name, entry in waiting.items() if name not in stored}


async def receive(orders: JetStreamSubscription, expected: set[bytes]) -> None:
    """Fetch and acknowledge events until each of these has arrived."""
    while expected:
        try:
            for event in await orders.fetch(100, LONG):
                await event.ack()
                expected.discard(event.data)
        except BrokerUnavailable:
            await asyncio.sleep(0.1)


async def test_no_event_is_lost_or_stored_twice_while_the_leader_is_killed() -> None:
    async with (
        LocalNatsCluster() as cluster,
        asyncio.timeout(SECONDS),
        JetStreamConnection(cluster.url) as connection,
    ):
        streams = Streams(connection)
        publisher = JetStreamPublisher(connection, streams)
        orders = JetStreamSubscription(
            *(connection, streams, JetStreamDeadLetters(connection, streams), ORDERS),
            durable="payments",
        )
        entries = [created(f"payment-{number}") for number in range(200)]
        await publish_until_stored(publisher, entries[:100])
        await ensure(streams)
        async with other_client(cluster.url.split(",")[0]) as client:
            jetstream = client.jetstream(timeout=SECONDS)
            info = await jetstream.stream_info(PAYMENTS.name)
            await jetstream.publish("order:created", b"1")
        assert info.config.num_replicas == 3
        assert info.cluster is not None
        leader = cluster.named(info.cluster.leader or "")
        kill = asyncio.to_thread(leader.kill)
        await asyncio.gather(kill, publish_until_stored(publisher, entries[100:]))
        await receive(orders, {b"1"})
        await asyncio.to_thread(leader.start)
        await asyncio.to_thread(cluster.wait_for_leader)
        assert await count_stored(leader.url) == len(entries)


async def count_stored(url: str) -> int:
    """Return how many of our events are stored; a request without a leader has no reply."""
    async with other_client(url) as client:
        while True:
            try:
                return (await client.jetstream().stream_info(PAYMENTS.name)).state.messages
            except (nats.errors.Error, TimeoutError):
                await asyncio.sleep(0.1)


async def ensure(streams: Streams) -> None:
    """Create the streams, also while no leader is elected."""
    while True:
        try:
            await streams.ensure(ORDERS)
            return
        except BrokerUnavailable:
            await asyncio.sleep(0.1)
