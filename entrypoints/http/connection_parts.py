"""The parts of a connection that uvicorn and its parser call."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final

from attrs import define
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from entrypoints.http.replies import Reply

ALWAYS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
)
"""The headers of every response."""

NO_PAGE: Final = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
)
"""Those of every response that is no page: a browser that shows it loads and frames nothing."""


class Flow(FlowControl):
    """Reads nothing while requests wait for their turn; uvicorn reads on with each reply."""

    def __init__(self, transport: asyncio.Transport, waiting: deque[Any]) -> None:
        super().__init__(transport)
        self._waiting = waiting

    def resume_reading(self) -> None:
        """Read on, unless requests wait."""
        if not self._waiting:
            super().resume_reading()


@define
class Body:
    """Passes one body from a parser to a connection."""

    pass_on: Callable[[bytes], None]
    end: Callable[[], None]
    ended: bool = False

    def on_body(self, body: bytes) -> None:
        """Pass a piece of the body on."""
        if not self.ended:
            self.pass_on(body)

    def on_message_complete(self) -> None:
        """End the body; what follows is ignored, because the connection ends, too."""
        if not self.ended:
            self.ended = True
            self.end()


def encoded(reply: Reply, fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return the bytes of the last reply of a connection, with these header fields, too."""
    headers = [
        *fields,
        (b"content-type", reply.media_type.encode()),
        (b"content-length", b"%d" % len(reply.content)),
        *((name.lower().encode(), value.encode()) for name, value in reply.headers.items()),
        *ALWAYS,
        *NO_PAGE,
        (b"connection", b"close"),
    ]
    lines = b"".join(b"%s: %s\r\n" % field for field in headers)
    return STATUS_LINE[reply.status] + lines + b"\r\n" + reply.content
