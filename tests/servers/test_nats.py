"""A local NATS server."""

import json
import urllib.request

import nats
import pytest
from nats.js import JetStreamContext

from payments_kit.servers.nats import LocalNats


async def count_messages(url: str, *, add: bool = False) -> int:
    client = await nats.connect(url, connect_timeout=60, allow_reconnect=False)
    try:
        jetstream: JetStreamContext = client.jetstream(timeout=60)
        if add:
            await jetstream.add_stream(name="events", subjects=["events"])
            await jetstream.publish("events", b"{}")
        return (await jetstream.stream_info("events")).state.messages
    finally:
        await client.close()


@pytest.mark.parametrize("_run", range(2))
async def test_the_fixture_has_no_streams_of_an_earlier_test(nats_url: str, _run: int) -> None:
    with pytest.raises(nats.js.errors.NotFoundError):
        await count_messages(nats_url)
    assert await count_messages(nats_url, add=True) == 1


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_each_keeps_its_own_data_and_address_until_it_is_closed(end: str) -> None:
    async with LocalNats(sync_interval="always") as server, LocalNats() as other:
        url, folder = server.url, server.folder
        await count_messages(url, add=True)
        getattr(server, end)()
        server.start()
        assert server.url == url
        assert await count_messages(url) == 1
        with pytest.raises(nats.js.errors.NotFoundError):
            await count_messages(other.url)
    assert not folder.exists()


def test_its_monitoring_shows_the_requested_sync_interval() -> None:
    with (
        LocalNats(sync_interval="always", monitoring=True) as server,
        urllib.request.urlopen(f"{server.monitoring_url}/varz", timeout=60) as reply,
    ):
        assert json.load(reply)["jetstream"]["config"]["sync_always"] is True
