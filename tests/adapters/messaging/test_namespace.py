"""Several shops in one NATS account, each with a prefix of its own."""

import asyncio
import json
from contextlib import suppress

import pytest
from nats.js.api import StreamConfig
from nats.js.errors import NoStreamResponseError

from adapters.messaging.jetstream.check import check
from adapters.messaging.jetstream.connection import JetStreamConnection
from adapters.messaging.jetstream.dead_letters import JetStreamDeadLetters
from adapters.messaging.jetstream.namespace import Namespace
from adapters.messaging.jetstream.plans import ORDERS, PLANS
from adapters.messaging.jetstream.publisher import JetStreamPublisher
from adapters.messaging.jetstream.streams import Streams
from adapters.messaging.jetstream.subscription import JetStreamSubscription
from application.ports.event_publisher import BrokerUnavailable
from payments_kit.servers.nats import LocalNats
from payments_kit.servers.processes import free_port
from tests.contracts.brokers import other_client
from tests.contracts.event_publisher import created
from tests.contracts.inbound_events import LONG, SHORT

TIMEOUT = 60.0


@pytest.mark.parametrize("shared", [False, True], ids=["own streams", "one stream"])
async def test_shops_with_different_prefixes_share_an_account(nats_url: str, shared: bool) -> None:
    async with other_client(nats_url) as client:
        jetstream = client.jetstream(timeout=TIMEOUT)
        if shared:
            await jetstream.add_stream(StreamConfig(name="ALL", subjects=["shop1.>", "eu.shop2.>"]))
        for prefix in ("shop1", "eu.shop2"):
            namespace = Namespace(prefix)
            async with JetStreamConnection(nats_url, namespace=namespace) as connection:
                streams = Streams(connection)
                letters = JetStreamDeadLetters(connection, streams)
                orders = JetStreamSubscription(
                    connection, streams, letters, ORDERS, durable="payments"
                )
                for plan in PLANS:
                    await streams.ensure(plan)
                for other in ("shop1", "eu.shop2"):
                    with suppress(NoStreamResponseError):  # the other shop has no stream yet
                        await jetstream.publish(f"{other}.order:created", other.encode())
                published = await JetStreamPublisher(connection, streams).publish([created()])
                assert published.stored
                event, *more = await orders.fetch(10, LONG)
                assert (event.subject, event.data) == ("order:created", prefix.encode())
                assert {each.data for each in more} <= {prefix.encode()}
                await event.dead_letter("malformed")
                [letter] = await letters.list(10)
                assert letter.subject == f"{prefix}.order:created"
                for each in more:
                    await each.ack()
                await letters.replay(letter)
                [again] = await orders.fetch(10, LONG)
                assert again.data == event.data
                await again.ack()
                assert not await orders.fetch(10, SHORT)
                results = await check(connection, streams, "payments")
                assert all(result.ok for result in results)
        names = {info.config.name for info in await jetstream.streams_info()}
        expected = {f"{shop}_{plan.name}" for shop in ("SHOP1", "EU_SHOP2") for plan in PLANS}
        assert names == ({"ALL"} if shared else expected)


async def configure(server: LocalNats, **settings: object) -> None:
    """Add settings to a server, and restart it."""
    file = server.folder / "nats.conf"
    known = json.loads(file.read_text())
    for name, each in settings.items():
        known[name] = {**known.get(name, {}), **each} if isinstance(each, dict) else each
    file.write_text(json.dumps(known))
    await asyncio.to_thread(server.restart)


async def test_the_streams_of_another_domain_are_used_through_a_leaf_node() -> None:
    port = free_port()
    with LocalNats() as hub, LocalNats() as leaf:
        await configure(
            hub, jetstream={"domain": "hub"}, leafnodes={"host": "127.0.0.1", "port": port}
        )
        remotes = [{"urls": [f"nats-leaf://127.0.0.1:{port}"]}]
        await configure(leaf, jetstream={"domain": "leaf"}, leafnodes={"remotes": remotes})
        namespace = Namespace(domain="hub")
        async with JetStreamConnection(leaf.url, namespace=namespace) as connection:
            streams = Streams(connection)
            letters = JetStreamDeadLetters(connection, streams)
            orders = JetStreamSubscription(connection, streams, letters, ORDERS, durable="payments")
            async with asyncio.timeout(TIMEOUT):
                while True:
                    with suppress(BrokerUnavailable):
                        for plan in PLANS:
                            await streams.ensure(plan)
                        break
            async with other_client(hub.url) as client:
                jetstream = client.jetstream(timeout=TIMEOUT)
                names = {info.config.name for info in await jetstream.streams_info()}
                assert names == {plan.name for plan in PLANS}
                await jetstream.publish("order:created", b"1")
            assert (await JetStreamPublisher(connection, streams).publish([created()])).stored
            [event] = await orders.fetch(10, LONG)
            await event.dead_letter("malformed")
            [letter] = await letters.list(10)
            await letters.replay(letter)
            [again] = await orders.fetch(10, LONG)
            await again.ack()
            assert not await orders.fetch(10, SHORT)
            [progress] = await orders.progress()
            await orders.set_back(progress, 1)
            async with asyncio.timeout(TIMEOUT):  # the two servers tell each other of the change
                while not all(each.ok for each in await check(connection, streams, "payments")):
                    pass
