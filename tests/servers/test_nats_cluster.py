"""A local cluster of NATS servers survives the loss of any one of them."""

import asyncio

import nats
from nats.aio.client import Client
from nats.js.api import StreamConfig
from nats.js.errors import APIError

from payments_kit.servers.nats_cluster import LocalNatsCluster

# Elections take seconds; a loaded machine takes longer.
SECONDS = 120.0


async def publish(client: Client, data: bytes) -> None:
    """Publish until it is confirmed."""
    jetstream = client.jetstream(timeout=5)
    async with asyncio.timeout(SECONDS):
        while True:
            try:
                await jetstream.publish("orders", data, headers={"Nats-Msg-Id": data.decode()})
                return
            except (nats.errors.Error, APIError, TimeoutError):
                await asyncio.sleep(0.1)


async def test_a_cluster_keeps_its_messages_while_one_server_after_another_is_killed() -> None:
    async with LocalNatsCluster() as cluster:
        client = await nats.connect(
            cluster.url.split(","), max_reconnect_attempts=-1, reconnect_time_wait=0.1
        )
        config = StreamConfig(name="ORDERS", subjects=["orders"], num_replicas=3)
        async with asyncio.timeout(SECONDS):
            info = await client.jetstream(timeout=SECONDS).add_stream(config)
        for number in range(2):
            await publish(client, b"before %d" % number)
            assert info.cluster is not None
            leader = cluster.named(info.cluster.leader or "")
            await asyncio.to_thread(leader.kill)
            await publish(client, b"without %d" % number)
            await asyncio.to_thread(leader.start)
            await asyncio.to_thread(cluster.wait_for_leader)
            info = await client.jetstream(timeout=SECONDS).stream_info("ORDERS")
        assert info.state.messages == 4
        await client.close()
