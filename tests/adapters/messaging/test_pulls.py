"""Pull requests to several consumers: each response belongs to its own pull."""

import asyncio
from collections import Counter

import pytest

from adapters.messaging.jetstream.client import Arrival, Receive
from adapters.messaging.jetstream.pulls import Pulls, Source

LONG = 60.0


class Client:
    """A client whose server responds when a test says so."""

    def __init__(self) -> None:
        self.stats = {"reconnects": 0}
        self.pulls: list[tuple[str, str]] = []
        """The stream and the reply subject of each pull."""

    def new_inbox(self) -> str:
        return "_INBOX.1"

    async def receive_directly(self, _subject: str, receive: Receive) -> None:
        self._receive = receive

    async def publish(self, subject: str, _request: bytes, reply: str) -> None:
        self.pulls.append((subject.split(".")[-2], reply))

    async def deliver(self, stream: str) -> None:
        position = f"$JS.ACK.{stream}.payments.1.1.1.1700000000000000000.0"
        self._receive(Arrival("order:created", position, b"{}", b""))
        await asyncio.sleep(0)

    async def end(self, pull: str, status: bytes) -> None:
        self._receive(Arrival(pull, "", b"", b"NATS/1.0 %b\r\n\r\n" % status))
        await asyncio.sleep(0)

    def pulls_of(self, stream: str) -> list[str]:
        return [pull for of, pull in self.pulls if of == stream]


async def opened() -> tuple[Client, Pulls]:
    """Return pulls from two streams."""
    client = Client()
    sources = [Source("$JS.API", stream, "payments") for stream in ("ORDERS", "SHOP")]
    return client, await Pulls.open(client, sources)  # type: ignore[arg-type]


async def test_a_consumer_has_one_pending_pull_however_much_another_one_delivers() -> None:
    client, pulls = await opened()
    for _ in range(3):
        collecting = asyncio.create_task(pulls.collect(1, LONG))
        await asyncio.sleep(0)
        await client.deliver("ORDERS")
        assert [each.stream for each in await collecting] == ["ORDERS"]
    assert Counter(stream for stream, _ in client.pulls) == {"ORDERS": 3, "SHOP": 1}


@pytest.mark.parametrize("status", [b"404 No Messages", b"408 Request Timeout"])
async def test_the_end_of_one_pull_ends_no_other(status: bytes) -> None:
    client, pulls = await opened()
    first = asyncio.create_task(pulls.collect(1, LONG))
    await asyncio.sleep(0)
    await client.deliver("ORDERS")
    await first
    second = asyncio.create_task(pulls.collect(1, LONG))
    await asyncio.sleep(0)
    earlier, pending = client.pulls_of("ORDERS")
    await client.end(earlier, status)  # late
    await client.end(client.pulls_of("SHOP")[0], status)
    await asyncio.sleep(0)
    assert not second.done()
    await client.end(pending, status)
    assert await second == []


@pytest.mark.parametrize(
    ("status", "is_usable"),
    [
        (b"404 No Messages", True),
        (b"408 Request Timeout", True),
        (b"409 Exceeded MaxWaiting", True),
        (b"409 Consumer Deleted", False),
        (b"503 No Responders", False),
    ],
)
async def test_pulls_are_used_until_a_consumer_is_gone(status: bytes, is_usable: bool) -> None:
    client, pulls = await opened()
    collecting = asyncio.create_task(pulls.collect(1, LONG))
    await asyncio.sleep(0)
    for _, pull in client.pulls:
        await client.end(pull, status)
    assert await collecting == []
    assert pulls.is_usable(client) is is_usable  # type: ignore[arg-type]


async def test_pulls_are_not_used_after_a_reconnection_or_on_another_connection() -> None:
    """The server forgets what is pending with the connection, and nothing would respond to it."""
    client, pulls = await opened()
    assert pulls.is_usable(client)  # type: ignore[arg-type]
    assert not pulls.is_usable(Client())  # type: ignore[arg-type]
    client.stats["reconnects"] += 1
    assert not pulls.is_usable(client)  # type: ignore[arg-type]
