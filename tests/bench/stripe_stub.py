"""A stub of Stripe in a process of its own: `python -m tests.bench.stripe_stub PORT FILE`.

It answers as the double does (payments_kit.doubles.stripe), whose replies it is given, with a new
id in each; it checks and remembers nothing, so that it costs little beside the service.
"""

import asyncio
import itertools
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlencode
from urllib.request import Request, urlopen

CHARGES: Final = "/v1/charges"
INTENTS: Final = "/v1/payment_intents"
METHODS: Final = "/v1/payment_methods"

# What is sent to the double; the benchmark's orders have this price.
_EXAMPLES: Final[Mapping[str, Mapping[str, str]]] = {
    CHARGES: {"amount": "1999", "currency": "usd", "source": "tok_visa"},
    METHODS: {"type": "card", "card[token]": "tok_visa"},
    INTENTS: {
        "amount": "1999",
        "currency": "usd",
        "payment_method": "pm_card_visa",
        "confirm": "true",
        "automatic_payment_methods[enabled]": "true",
        "automatic_payment_methods[allow_redirects]": "never",
        "expand[0]": "latest_charge",
    },
}
_SECONDS: Final = 10.0

_EMPTY_LIST: Final = b'{"object": "list", "data": [], "has_more": false, "url": "/v1"}'
_IDS: Final = re.compile(rb'"(ch|pi|pm)_[A-Za-z0-9]+"')
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_HEAD_END: Final = b"\r\n\r\n"
_HEAD: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nRequest-Id: req_stub\r\n"
    b"Content-Length: %d\r\n\r\n"
)

_numbers = itertools.count(1)


def ask_double(address: str, key: str) -> Mapping[str, str]:
    """Return the replies of a double to one request of each kind."""
    replies = {}
    for path, fields in _EXAMPLES.items():
        request = Request(f"{address}{path}", urlencode(fields).encode())
        request.add_header("Authorization", f"Bearer {key}")
        with urlopen(request, timeout=_SECONDS) as reply:
            replies[path] = reply.read().decode()
    return replies


class _Connection(asyncio.Protocol):
    """Answers one request after the other."""

    def __init__(self, templates: Mapping[bytes, bytes]) -> None:
        self._templates = templates
        self._received = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(_HEAD_END)) >= 0:
            length = _LENGTH.search(self._received, 0, end)
            complete = end + len(_HEAD_END) + (int(length[1]) if length else 0)
            if len(self._received) < complete:
                return
            method, path, _ = self._received.split(b" ", 2)
            self._received = self._received[complete:]
            self._reply(self._templates.get(path) if method == b"POST" else None)

    def _reply(self, template: bytes | None) -> None:
        assert self._transport is not None
        if template is None:
            self._transport.write(_HEAD % len(_EMPTY_LIST) + _EMPTY_LIST)
        else:
            self._transport.write(template.replace(b"#" * 20, b"%020d" % next(_numbers)))


def _templates(replies: Mapping[str, str]) -> Mapping[bytes, bytes]:
    """Return complete replies with a place for the number of each."""
    bodies = {
        path.encode(): _IDS.sub(rb'"\1_####################"', body.encode())
        for path, body in replies.items()
    }
    return {path: _HEAD % len(body) + body for path, body in bodies.items()}


async def main(port: int, replies: Mapping[str, str]) -> None:
    """Serve until the process is ended."""
    templates = _templates(replies)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(templates), "127.0.0.1", port)
    print("listening", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())))
