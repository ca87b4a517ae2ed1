"""TcpProxy: a TCP proxy that drops replies, delays data and closes connections on request."""

import asyncio
from collections.abc import Callable
from typing import Self

# How many bytes are forwarded at a time. A drop discards at most this much of a reply.
CHUNK = 65_536
# Every wait has a limit; on a quiet machine these take milliseconds.
SECONDS = 60.0


class TcpProxy:
    """A proxy between clients and one server, as unreliable as the test requests."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._upstream = (host, port)
        self._server: asyncio.Server | None = None
        self.port = 0
        self._connections: set[asyncio.Task[None]] = set()
        self._flowing = _set_event()
        self._held: set[asyncio.Event] = set()
        self._to_drop = 0
        self._drop_request = b""
        self._refusing = False
        self.dropped = 0
        self.accepted = 0
        """How many connections clients have opened."""
        self.requests = 0
        """How often clients have sent data; with small messages, the number of round trips."""

    @property
    def connections(self) -> int:
        return len(self._connections)

    def cut(self) -> None:
        """Close every open connection; new ones are accepted."""
        for connection in self._connections:
            connection.cancel()

    def refuse(self) -> None:
        """Close every connection, and each new one as soon as it opens."""
        self._refusing = True
        self.cut()

    def drop_replies(self, replies: int = 1, to: bytes = b"") -> None:
        """Drop the next replies, and their connections; only replies to what contains `to`."""
        self._to_drop = replies
        self._drop_request = to

    def hold(self, new_too: bool = True) -> None:
        """Forward nothing on open connections, and on new ones if `new_too`: a silent failure."""
        self._flowing.clear()
        self._held.add(self._flowing)
        if not new_too:
            self._flowing = _set_event()

    def heal(self) -> None:
        """End every fault; data that was held is forwarded."""
        self._refusing = False
        self._to_drop = 0
        for held in self._held:
            held.set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        self.cut()
        if self._connections:
            await asyncio.wait(self._connections, timeout=SECONDS)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.current_task()
        assert connection is not None
        self._connections.add(connection)
        self.accepted += 1
        try:
            if not self._refusing:
                await self._forward(reader, writer)
        except (OSError, asyncio.CancelledError):
            writer.transport.abort()
        else:
            writer.close()
        finally:
            self._connections.discard(connection)

    async def _forward(self, requests: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        replies, server = await asyncio.open_connection(*self._upstream)
        request, flowing = bytearray(), self._flowing

        def on_request(data: bytes) -> None:
            self.requests += 1
            request.extend(data)

        def on_reply(_data: bytes) -> None:
            if self._to_drop and self._drop_request in request:
                self._drop()
            request.clear()

        pumps = (
            asyncio.create_task(self._pump(requests, server, flowing, on_request)),
            asyncio.create_task(self._pump(replies, client, flowing, on_reply)),
        )
        try:
            done, _ = await asyncio.wait(pumps, return_when=asyncio.FIRST_EXCEPTION)
            for pump in done:
                pump.result()
        finally:
            # First, as another cancellation may arrive while the pumps end.
            server.transport.abort()
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        flowing: asyncio.Event,
        on_data: Callable[[bytes], None],
    ) -> None:
        while data := await source.read(CHUNK):
            await flowing.wait()
            on_data(data)
            sink.write(data)
            await sink.drain()
        sink.write_eof()

    def _drop(self) -> None:
        self.dropped += 1
        self._to_drop -= 1
        raise ConnectionAbortedError


def _set_event() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event
