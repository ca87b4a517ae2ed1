"""Stripe's HTTP: requests as the official SDK sends them, and replies read within limits.

The SDK itself takes as long for a request as everything else in it (docs/performance.md). A test
compares our requests with the SDK's.
"""

import json
import re
import uuid
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, Literal
from urllib.parse import quote_plus

import aiohttp
import certifi
import msgspec
from attrs import frozen

API_ADDRESS: Final = "https://api.stripe.com"

API_VERSION: Final = "2026-10-28.endive"
"""The version of the objects that these adapters read, which is the SDK's."""

MAX_REPLY_BYTES: Final = 16 * 1024 * 1024
"""A page of 100 payment intents with their charges, the largest reply, is about 1 MiB."""

CONNECT_SECONDS: Final = 3.0
"""How long opening a connection may take: milliseconds, plus 1 s for each lost SYN."""

# The whole request has a timeout of its own (client.py).
_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)

_FORM: Final = "application/x-www-form-urlencoded"

# The names of parameters are ours, a few dozen.
MAX_NAMES: Final = 256

# What needs no quoting, which is nearly everything that we send; to quote takes much longer.
_PLAIN: Final = re.compile(r"[A-Za-z0-9_.~\[\]-]*")

# A time in ISO 8601, of which every charge has one, needs it for two characters.
_TIME: Final = re.compile(r"[A-Za-z0-9_.~\[\]:+-]*")

Params = Mapping[str, Any]


@frozen
class HttpReply:
    """A reply of Stripe, or of a proxy in its place."""

    status: int
    headers: Mapping[str, str]
    body: object
    """The decoded JSON; None if it is none."""


def authorities() -> str:
    """Return the file of the public authorities, among which are those of Stripe's SDK."""
    return certifi.where()


def headers_for(key: str) -> dict[str, str]:
    """Return the headers that every request with this API key has."""
    return {
        "Authorization": f"Bearer {key}",
        "Stripe-Version": API_VERSION,
        "User-Agent": "payments",
    }


def encoded(params: Params) -> str:
    """Return parameters in Stripe's form encoding: `a[b]=c`, `a[0]=b`; None is left out."""
    fields: list[str] = []
    for name, value in params.items():
        _add(fields, name, value)
    return "&".join(fields)


async def exchange(
    session: aiohttp.ClientSession,
    method: Literal["get", "post"],
    url: str,
    headers: Mapping[str, str],
    params: Params,
    key: str | None = None,
) -> HttpReply:
    """Send a request and read its reply; a redirect is not followed.

    Args:
        session: the connections.
        method: how to send the parameters.
        url: the address without parameters.
        headers: those of `headers_for`.
        params: the parameters.
        key: the idempotency key of a POST; a new one if None.

    Raises:
        aiohttp.ClientError, OSError: it could not be sent, or the reply is incomplete.
        ValueError: the reply has more than MAX_REPLY_BYTES bytes.
    """
    form = encoded(params)
    data: aiohttp.BytesPayload | None = None
    if method == "post":
        data = aiohttp.BytesPayload(form.encode(), content_type=_FORM)
        headers = {**headers, "Idempotency-Key": key or str(uuid.uuid4())}
    elif form:
        url = f"{url}?{form}"
    response = await session.request(
        method, url, data=data, headers=headers, timeout=_TIMEOUT, allow_redirects=False
    )
    try:
        content = bytearray()
        while not response.content.at_eof():
            content += await response.content.readany()
            if len(content) > MAX_REPLY_BYTES:
                raise ValueError("the reply is too large")
    finally:
        response.release()  # a connection with the rest of a reply is closed
    return HttpReply(response.status, response.headers, _decoded(bytes(content)))


def _decoded(content: bytes) -> object:
    try:
        return msgspec.json.decode(content)
    except (ValueError, RecursionError):
        pass
    try:
        # Half of a surrogate pair in one object must not make a whole list unreadable.
        return json.loads(content.decode())
    except (ValueError, RecursionError):
        return None


@lru_cache(MAX_NAMES)
def _quoted_name(name: str) -> str:
    return _quoted(name)


def _quoted(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    if _TIME.fullmatch(text):
        return text.replace("+", "%2B").replace(":", "%3A")
    return quote_plus(text, safe="[]")


def _add(fields: list[str], name: str, value: object) -> None:
    match value:
        case str():
            fields.append(f"{_quoted_name(name)}={_quoted(value)}")
        case None:
            return
        case bool():
            fields.append(f"{_quoted_name(name)}={str(value).lower()}")
        case dict():
            for key, nested in value.items():
                _add(fields, f"{name}[{key}]", nested)
        case list():
            for number, nested in enumerate(value):
                _add(fields, f"{name}[{number}]", nested)
        case _:
            fields.append(f"{_quoted_name(name)}={_quoted(str(value))}")
