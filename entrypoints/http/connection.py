"""HttpConnection: uvicorn's connection with limits for what is not the body of a request."""

import asyncio
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any, Final, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import (
    HttpToolsProtocol,
    RequestResponseCycle,
)

from entrypoints.http.connection_parts import CLOSE, Body, Flow, encoded, send_reply
from entrypoints.http.http_request import HAS_ARRIVED, SEND_REPLY
from entrypoints.http.replies import Reply, problem_reply

# A token may have 8 KiB, and proxies add a few fields; nginx's default is 32 KiB.
# https://nginx.org/en/docs/http/ngx_http_core_module.html#large_client_header_buffers
MAX_HEAD_BYTES: Final = 64 * 1024

# Idle connections included. Each takes a file descriptor; systemd and container runtimes allow
# more.
MAX_CONNECTIONS: Final = 8192

# Requests of one connection that wait while another is handled; each takes a few kilobytes. Proxies
# and browsers send one at a time.
MAX_WAITING: Final = 100

# How long a client that is refused may go on sending: if the connection is closed before it has
# sent everything, the reply can be lost (RFC 9112, section 9.6).
REFUSED_SECONDS: Final = 2.0

# What says where a body ends.
_FRAMING: Final = (b"content-length", b"transfer-encoding")


class HttpConnection(HttpToolsProtocol):
    """A connection of a client.

    The head of a request must arrive, and the responses be read, within the time that a connection
    may be idle. Neither a head nor trailers may exceed MAX_HEAD_BYTES. The application limits
    bodies.
    """

    _head_timer: asyncio.TimerHandle | None = None
    _end_timer: asyncio.TimerHandle | None = None
    """Ends the connection of a client that does not read, or was refused."""
    _running: RequestResponseCycle | None = None
    """The request that was last passed to the application."""
    _is_over = False
    """Whether nothing more is parsed."""
    _other_bytes = 0
    """How many bytes have arrived since the end of the last head, piece of a body, or request."""

    def __init__(
        self, refuse: Callable[[HTTPStatus], Reply], *arguments: Any, **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        self._refused = refuse

    def connection_made(  # type: ignore[override]  # uvicorn's signature is narrower
        self, transport: asyncio.Transport
    ) -> None:
        """Begin to wait for a request."""
        super().connection_made(transport)
        self.flow = Flow(transport, self.pipeline)
        if len(self.connections) > MAX_CONNECTIONS:
            transport.abort()
        else:
            self._limit_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the timers."""
        self._end_head_timer()
        if self._end_timer is not None:
            self._end_timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what has arrived."""
        self._unset_keepalive_if_required()
        while data and not self._is_over:
            # At most what a head may have, so that it does not matter how the bytes arrive.
            size = MAX_HEAD_BYTES + 1 - self._other_bytes
            self._parse(data[:size])
            data = data[size:]
        if not self._is_over and self._head_timer is None and self._current() is None:
            self._limit_head()  # uvicorn has ended its own timer

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn always ends it
        """Go on if the client waits for replies: it may end its side of the connection only."""
        last = self._last_complete()
        if last is None:
            self._end_within(self.timeout_keep_alive)  # which a client may need to read
            return False
        last.keep_alive = False
        return True

    def pause_writing(self) -> None:
        """Give the client a limited time to read."""
        super().pause_writing()
        self._end_within(self.timeout_keep_alive)

    def resume_writing(self) -> None:
        """End that time."""
        super().resume_writing()
        if self._end_timer is not None and not self.transport.is_closing() and not self._is_over:
            self._end_timer.cancel()
            self._end_timer = None

    def timeout_keep_alive_handler(self) -> None:
        """End an idle connection, even if its client has not read everything."""
        self.transport.abort()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a header, or a trailer; the parser leaves the white space after the value."""
        name, value = name.lower(), value.rstrip(b" \t")
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Begin to handle a request.

        Raises:
            ValueError: it is not handled; the parser reports that as an error of its own.
        """
        self._other_bytes = 0
        self._end_head_timer()
        if len(self.pipeline) >= MAX_WAITING:
            raise ValueError("too many requests at once")
        if b"#" in self.url:
            raise ValueError("the target of a request has no fragment")
        if self.url == b"*":
            self.url = b"/*"  # the target of OPTIONS for the whole server: no route of ours
        if self.expect_100_continue and self.parser.get_http_version() != "1.1":
            self.expect_100_continue = False  # RFC 9110, section 10.1.1
        super().on_headers_complete()
        scope = cast(dict[str, Any], self.cycle.scope)
        scope[SEND_REPLY] = partial(send_reply, self.cycle)
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
        if self.transport.is_closing():
            self._end_within(self.timeout_keep_alive)  # unless the response is read before

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _parse(self, data: bytes) -> None:
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
        self.parser = HttpRequestParser(Body(self.on_body, self.on_message_complete))
        self.parser.feed_data(head + b"\r\n" + rest)

    def _current(self) -> RequestResponseCycle | None:
        """Return the last request, if it has no complete reply yet."""
        last = cast(RequestResponseCycle | None, self.cycle)
        return None if last is None or last.response_complete else last

    def _last_complete(self) -> RequestResponseCycle | None:
        """Return the last complete request without a complete reply; forget what follows it."""
        cycle = self._current()
        if cycle is not None and cycle.more_body and self.pipeline:
            self.pipeline.popleft()
            last = self.pipeline[0][0] if self.pipeline else self._running
            self.cycle = cast(RequestResponseCycle, last)
            cycle = self._current()
        return None if cycle is None or cycle.more_body else cycle

    def _limit_head(self) -> None:
        self._head_timer = self.loop.call_later(self.timeout_keep_alive, self.transport.abort)

    def _end_within(self, seconds: float) -> None:
        if self._end_timer is None:
            self._end_timer = self.loop.call_later(seconds, self.transport.abort)

    def _end_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self, status: HTTPStatus) -> None:
        """Parse nothing more; reply with an error unless a request before has no reply yet."""
        self._is_over = True
        last = self._last_complete()
        if last is not None:
            last.keep_alive = False
            self.flow.pause_reading()
            return
        cycle = self._current()
        if cycle is not None and cycle.response_started:
            self.transport.close()
            self._end_within(self.timeout_keep_alive)
            return
        if cycle is None:
            reply = self._refused(status)
        else:
            reply = problem_reply(status)  # the application logs that its body is incomplete
            cycle.disconnected = True
            cycle.message_event.set()
        fields = (*self.server_state.default_headers, CLOSE)
        self.transport.write(encoded(reply, fields))
        self.transport.write_eof()
        self.flow.resume_reading()
        self._end_within(REFUSED_SECONDS)
