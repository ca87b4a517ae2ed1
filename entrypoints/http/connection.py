"""HttpConnection: uvicorn's connection with limits for what is not the body of a request."""

import asyncio
from http import HTTPStatus
from typing import Final, cast

from attrs import define
from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from entrypoints.http.http_request import HAS_ARRIVED
from entrypoints.http.replies import Reply, problem_reply

# A token may have 8 KiB, and proxies add a few fields; nginx's default is 32 KiB.
# https://nginx.org/en/docs/http/ngx_http_core_module.html#large_client_header_buffers
MAX_HEAD_BYTES: Final = 64 * 1024

# Idle connections included. Each takes a file descriptor; systemd and container runtimes allow
# more.
MAX_CONNECTIONS: Final = 8192

ALWAYS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
)
"""The headers of every response."""


# What says where a body ends.
_FRAMING: Final = (b"content-length", b"transfer-encoding")


@define
class _Body:
    """Passes one body from a parser to a connection."""

    connection: "HttpConnection"
    ended: bool = False

    def on_body(self, body: bytes) -> None:
        """Pass a piece of the body on."""
        if not self.ended:
            self.connection.on_body(body)

    def on_message_complete(self) -> None:
        """End the body; what follows is ignored, because the connection ends, too."""
        if not self.ended:
            self.ended = True
            self.connection.on_message_complete()


class HttpConnection(HttpToolsProtocol):
    """A connection of a client.

    The head of a request must arrive within the time that a connection may be idle, and neither it
    nor the trailers may exceed MAX_HEAD_BYTES. The application limits bodies.
    """

    _head_timer: asyncio.TimerHandle | None = None
    _other_bytes = 0
    """How many bytes have arrived since the end of the last head, piece of a body, or request."""

    def connection_made(  # type: ignore[override]  # uvicorn's signature is narrower
        self, transport: asyncio.Transport
    ) -> None:
        """Begin to wait for a request."""
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            transport.abort()
        else:
            self._limit_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the timer."""
        self._end_head_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what has arrived."""
        self._unset_keepalive_if_required()
        self._other_bytes += len(data)
        try:
            try:
                self.parser.feed_data(data)
            except HttpParserUpgrade as upgrade:
                self._read_on(data[upgrade.args[0] :])
        except HttpParserError:
            self._refuse(HTTPStatus.BAD_REQUEST)
            return
        if self._other_bytes > MAX_HEAD_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif self._head_timer is None and self._current() is None:
            self._limit_head()  # uvicorn has ended its own timer

    def on_headers_complete(self) -> None:
        """Begin to handle a request."""
        self._other_bytes = 0
        self._end_head_timer()
        if self.url == b"*":
            self.url = b"/*"  # the target of OPTIONS for the whole server: no route of ours
        super().on_headers_complete()
        # The application has the old list. What follows is no header (RFC 9110, section 6.5.1).
        self.headers = []

    def on_body(self, body: bytes) -> None:
        """Pass a piece of the body on."""
        self._other_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request."""
        self._other_bytes = 0
        self.cycle.scope[HAS_ARRIVED] = True  # type: ignore[typeddict-unknown-key]  # a key of ours
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request; the rest of a body is not waited for any longer."""
        is_incomplete = self.cycle.response_complete and self.cycle.more_body
        super().on_response_complete()
        if is_incomplete:
            self.transport.close()

    def _read_on(self, rest: bytes) -> None:
        """Read the body of a request that asks for another protocol; we go on with HTTP/1.1.

        RFC 9110, section 7.8, permits it. httptools takes what follows such a head for the other
        protocol, so the body needs a new parser, and the connection ends with the reply. Every
        client of the JDK asks for HTTP/2 at first. https://github.com/Kludex/uvicorn/issues/2722
        """
        self.cycle.keep_alive = False
        self.cycle.more_body = True
        self.cycle.scope.pop(HAS_ARRIVED, None)  # type: ignore[typeddict-item]  # a key of ours
        framing = [field for field in self.scope["headers"] if field[0] in _FRAMING]
        head = b"POST / HTTP/1.1\r\n" + b"".join(b"%s: %s\r\n" % field for field in framing)
        self.parser = HttpRequestParser(_Body(self))
        self.parser.feed_data(head + b"\r\n" + rest)

    def _current(self) -> RequestResponseCycle | None:
        """Return the last request, if it has no complete reply yet."""
        last = cast(RequestResponseCycle | None, self.cycle)
        return None if last is None or last.response_complete else last

    def _limit_head(self) -> None:
        self._head_timer = self.loop.call_later(self.timeout_keep_alive, self.transport.close)

    def _end_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self, status: HTTPStatus) -> None:
        """Read nothing more; reply with an error unless a request before has no reply yet."""
        cycle = self._current()
        if cycle is not None:
            if not cycle.more_body:
                cycle.keep_alive = False  # it is complete, so its reply counts, and is the last one
                self.flow.pause_reading()
                return
            if self.pipeline or cycle.response_started:
                self.transport.close()
                return
        self.transport.write(self._encoded(problem_reply(status)))
        self.transport.close()

    def _encoded(self, reply: Reply) -> bytes:
        headers = [
            *self.server_state.default_headers,
            (b"content-type", reply.media_type.encode()),
            (b"content-length", b"%d" % len(reply.content)),
            *ALWAYS,
            (b"connection", b"close"),
        ]
        lines = b"".join(b"%s: %s\r\n" % field for field in headers)
        return STATUS_LINE[reply.status] + lines + b"\r\n" + reply.content
