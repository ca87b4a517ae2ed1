"""A local NATS server."""

import json
import urllib.request

import nats
import pytest
from nats.js import JetStreamContext

from payments_kit.servers.nats import LocalNats


async def count_messages(url: str, *, add: bool = False) -> int:
    client = await nats.connect(url, connect_timeout=10, allow_reconnect=False)
    try:
        jetstream: JetStreamContext = client.jetstream()
        if add:
            await jetstream.add_stream(name="events", subjects=["events"])
            await jetstream.publish("events", b"{}")
        return (await jetstream.stream_info("events")).state.messages
    finally:
        await client.close()


async def test_it_keeps_a_stream(nats_url: str) -> None:
    assert await count_messages(nats_url, add=True) == 1


async def test_it_comes_without_the_streams_of_another_test(nats_url: str) -> None:
    with pytest.raises(nats.js.errors.NotFoundError):
        await count_messages(nats_url)


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_it_keeps_data_and_address_through_a_restart(end: str) -> None:
    with LocalNats(sync_interval="always") as server:
        url = server.url
        await count_messages(url, add=True)
        getattr(server, end)()
        server.start()
        assert server.url == url
        assert await count_messages(url) == 1


async def test_two_at_once_are_two() -> None:
    async with LocalNats() as one, LocalNats() as other:
        await count_messages(one.url, add=True)
        with pytest.raises(nats.js.errors.NotFoundError):
            await count_messages(other.url)


def test_it_leaves_nothing_behind() -> None:
    with LocalNats() as server:
        folder = server.folder
        assert folder.exists()
    assert not folder.exists()


def test_it_tells_of_itself_and_syncs_as_asked() -> None:
    with (
        LocalNats(sync_interval="always", monitoring=True) as server,
        urllib.request.urlopen(f"{server.monitoring_url}/varz", timeout=10) as answer,
    ):
        assert json.load(answer)["jetstream"]["config"]["sync_always"] is True
