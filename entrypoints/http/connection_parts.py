"""The parts of a connection that uvicorn and its parser call."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final

from attrs import define
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

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


CLOSE: Final = (b"connection", b"close")

_FOR_ALL: Final = b"".join(b"%s: %s\r\n" % field for field in (*NO_PAGE, *ALWAYS))


class Flow(FlowControl):
    """Reads nothing while requests wait for their turn; uvicorn reads on with each reply."""

    def __init__(self, transport: asyncio.Transport, waiting: deque[Any]) -> None:
        super().__init__(transport)
        self._waiting = waiting

    def resume_reading(self) -> None:
        """Read on, unless requests wait."""
        if self.read_paused and not self._waiting:
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


async def send_reply(
    cycle: RequestResponseCycle, reply: Reply, fields: Iterable[tuple[bytes, bytes]]
) -> None:
    """Send a reply in one write: uvicorn's `send` twice, for what we know to be valid.

    That checks each header, by two regular expressions, and looks for those that frame the body.
    """
    if cycle.flow.write_paused and not cycle.disconnected:
        await cycle.flow.drain()
    if cycle.disconnected:
        return
    cycle.response_started = True
    cycle.waiting_for_100_continue = False
    fields = [*cycle.default_headers, *fields]
    if not cycle.keep_alive:
        fields.append(CLOSE)
    cycle.transport.write(encoded(reply, fields, has_body=cycle.scope["method"] != "HEAD"))
    cycle.response_complete = True
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()


def encoded(reply: Reply, fields: Iterable[tuple[bytes, bytes]], *, has_body: bool = True) -> bytes:
    """Return the bytes of a reply with these header fields, too."""
    lines = [
        STATUS_LINE[reply.status],
        b"content-type: %s\r\ncontent-length: %d\r\n"
        % (reply.media_type.encode(), len(reply.content)),
        _FOR_ALL,
    ]
    lines += [b"%s: %s\r\n" % field for field in fields]
    for name, value in reply.headers.items():
        lines.append(b"%s: %s\r\n" % (name.lower().encode(), _one_line(value).encode()))
    lines.append(b"\r\n")
    if has_body:
        lines.append(reply.content)
    return b"".join(lines)


def _one_line(value: str) -> str:
    """Return the value of a header; raise an error if it could begin another one."""
    if not value.isprintable():
        raise ValueError("the value of a header has a control character")
    return value
