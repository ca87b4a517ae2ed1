"""PayPal's HTTP: JSON requests, and replies read within limits."""

import json
from collections.abc import Mapping
from typing import Any, Final, Literal

import aiohttp
import msgspec
from attrs import frozen

LIVE_ADDRESS: Final = "https://api-m.paypal.com"
"""Where real money is moved (https://developer.paypal.com/api/rest/requests/#api-endpoint)."""

SANDBOX_ADDRESS: Final = "https://api-m.sandbox.paypal.com"
"""Its test mode."""

MAX_REPLY_BYTES: Final = 4 * 1024 * 1024
"""An order with its captures and a hundred refunds is about 200 kB."""

CONNECT_SECONDS: Final = 3.0
"""How long opening a connection may take: milliseconds, plus 1 s for each lost SYN."""

# The whole request has a timeout of its own (client.py).
_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)

Method = Literal["GET", "POST", "PATCH"]


def is_live(address: str) -> bool:
    """Whether real money is moved at an address: not in the sandbox, nor anywhere else."""
    return address.rstrip("/") == LIVE_ADDRESS


@frozen
class HttpReply:
    """A reply of PayPal, or of a proxy in its place."""

    status: int
    headers: Mapping[str, str]
    body: object
    """The decoded JSON; None if it is none, or empty."""


async def exchange(
    session: aiohttp.ClientSession,
    method: Method,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None = None,
) -> HttpReply:
    """Send a request and read its reply; a redirect is not followed.

    Raises:
        aiohttp.ClientError, OSError: it could not be sent, or the reply is incomplete.
        ValueError: the reply has more than MAX_REPLY_BYTES bytes.
    """
    request = session.request(
        method, url, data=body, headers=headers, timeout=_TIMEOUT, allow_redirects=False
    )
    async with request as response:
        content = bytearray()
        while chunk := await response.content.readany():
            content += chunk
            if len(content) > MAX_REPLY_BYTES:
                raise ValueError("the reply is too large")
        return HttpReply(response.status, response.headers, decoded(bytes(content)))


def encoded(value: object) -> bytes:
    """Return JSON."""
    return msgspec.json.encode(value)


def decoded(content: bytes) -> Any:
    """Return the value of JSON; None if it is none."""
    try:
        return msgspec.json.decode(content)
    except (ValueError, RecursionError):
        pass
    try:
        # Half of a surrogate pair in one field must not make an order unreadable.
        return json.loads(content.decode())
    except (ValueError, RecursionError):
        return None
