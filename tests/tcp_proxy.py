"""A TCP proxy that loses, holds and cuts what passes through it."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

# How much is passed on at a time; of a reply that is longer, the first so much decides.
CHUNK = 65_536
# Every wait ends; on a quiet machine these take milliseconds.
SECONDS = 30.0


class TcpProxy:
    """Stands between clients and one server, and is as unreliable as the test asks.

    `port` is where clients connect instead. Everything is undone by `heal`.
    """

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._upstream = (host, port)
        self._server: asyncio.Server | None = None
        self._port = 0
        self._connections: set[asyncio.Task[None]] = set()
        self._flowing = _set_event()
        self._held: set[asyncio.Event] = set()
        self._to_drop = 0
        self._drop_to = b""
        self._refusing = False
        self._dropped = asyncio.Event()
        self.dropped = 0
        """How many replies were lost so far."""
        self.requests = 0
        """How often clients have sent something: with small messages, the round trips."""

    @property
    def port(self) -> int:
        """The loopback port for clients."""
        return self._port

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._connections)

    def cut(self) -> None:
        """Break every connection that is open; new ones can be made."""
        for connection in self._connections:
            connection.cancel()

    def refuse(self) -> None:
        """Break every connection, and accept no new one."""
        self._refusing = True
        self.cut()

    def drop_replies(self, replies: int = 1, to: bytes = b"") -> None:
        """Lose the next replies of the server, each with the connection that it came on.

        Only replies to what contains `to` are meant. What the client asked for has been done by then.
        """
        self._to_drop = replies
        self._drop_to = to
        self._dropped.clear()

    async def replies_dropped(self) -> None:
        """Wait until all the replies that `drop_replies` asked for are lost."""
        async with asyncio.timeout(SECONDS):
            await self._dropped.wait()

    def hold(self, new_too: bool = True) -> None:
        """Let nothing through in either direction, as a network does that just went silent.

        With `new_too=False`, connections made from now on are not held.
        """
        self._flowing.clear()
        self._held.add(self._flowing)
        if not new_too:
            self._flowing = _set_event()

    def heal(self) -> None:
        """Be reliable again; what was held goes on its way."""
        self._refusing = False
        self._to_drop = 0
        for held in self._held:
            held.set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.close()
        self.cut()
        if self._connections:
            await asyncio.wait(self._connections, timeout=SECONDS)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.current_task()
        assert connection is not None
        self._connections.add(connection)
        try:
            if not self._refusing:
                await self._serve(reader, writer)
        except (OSError, asyncio.CancelledError):
            writer.transport.abort()
        else:
            writer.close()
        finally:
            self._connections.discard(connection)

    async def _serve(self, requests: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        replies, server = await asyncio.open_connection(*self._upstream)
        asked, flowing = bytearray(), self._flowing

        def ask(data: bytes) -> None:
            self.requests += 1
            asked.extend(data)

        def answer(_data: bytes) -> None:
            if self._to_drop and self._drop_to in asked:
                self._drop()
            asked.clear()

        pumps = (
            asyncio.create_task(self._pump(requests, server, flowing, ask)),
            asyncio.create_task(self._pump(replies, client, flowing, answer)),
        )
        try:
            done, _ = await asyncio.wait(pumps, return_when=asyncio.FIRST_EXCEPTION)
            for pump in done:
                pump.result()
        finally:
            # First, as another cut may come while the pumps end.
            server.transport.abort()
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        flowing: asyncio.Event,
        seen: Callable[[bytes], None],
    ) -> None:
        while data := await source.read(CHUNK):
            await flowing.wait()
            seen(data)
            sink.write(data)
            await sink.drain()
        sink.write_eof()

    def _drop(self) -> None:
        self.dropped += 1
        self._to_drop -= 1
        if not self._to_drop:
            self._dropped.set()
        raise ConnectionAbortedError


def _set_event() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event
