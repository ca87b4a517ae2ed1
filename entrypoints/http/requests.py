"""Read Litestar requests: query, headers, and bodies within limits of size and time."""

import asyncio
import codecs
import re
from collections.abc import Sequence
from typing import Final

from domain.identifiers import OrderId
from entrypoints.http.errors import BadRequest, BodyTooLarge, BodyTooSlow, EncodedBody, NotJson
from entrypoints.http.http_request import HAS_ARRIVED, HttpRequest
from entrypoints.http.reply_bodies import ErrorDetail
from entrypoints.http.request_fields import TEXT
from entrypoints.http.validation import MAX_CHARACTERS, is_text, shown

# More than the largest valid request: two texts of 255 characters, each character 12 bytes long
# when it is escaped as a pair of \uXXXX, a URL of 2,048 in which some programs escape each `/`,
# and a few field names.
MAX_JSON_BYTES: Final = 16 * 1024

# Stripe's events were at most about 100 KiB; NATS limits a message to 1 MiB by default.
MAX_NOTIFICATION_BYTES: Final = 1024 * 1024

# A body must be cut off within 30 s. This is also below the 25 s of a graceful stop (server.py).
BODY_SECONDS: Final = 20.0

# What nearly all clients send.
_PLAIN_JSON: Final = ["application/json"]

# RFC 9110, section 5.6.2; what is not one is not repeated in the error.
_TOKEN: Final = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,32}")

_IDEMPOTENCY_KEY: Final = re.compile(f"[\x21-\x7e]{{1,{MAX_CHARACTERS}}}")


def order_id_in_query(request: HttpRequest) -> OrderId:
    """Return the order id in `?orderId=`.

    Raises:
        BadRequest: it is missing or not valid text.
    """
    values = request.query_params.getall("orderId", [])
    if len(values) != 1 or not is_text(values[0]):
        raise BadRequest((ErrorDetail(f"orderId {TEXT.rule}", "orderId"),))
    return OrderId(values[0])


def refuse_query(request: HttpRequest) -> None:
    """Return if the request has no query.

    A request that moves money says how much in its body only: `?amount=500` would be missed, and
    all be moved.

    Raises:
        BadRequest: it has one; with one detail for each name.
    """
    names = dict.fromkeys(name for name, _ in request.query_params.multi_items())
    if names:
        raise BadRequest(
            tuple(ErrorDetail("is not a parameter of this request", shown(name)) for name in names)
        )


def idempotency_key(request: HttpRequest) -> str | None:
    """Return the request's idempotency key, if any; in quotes as in the draft, or without.

    https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/, section 2.1.

    Raises:
        BadRequest: the header is not one valid key.
    """
    values = request.fields.getall("idempotency-key")
    if not values:
        return None
    key = values[0].strip()
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = re.sub(r"\\([\"\\])", r"\1", key[1:-1])
    if len(values) > 1 or not _IDEMPOTENCY_KEY.fullmatch(key):
        message = f"Idempotency-Key must be one key of 1 to {MAX_CHARACTERS} visible characters"
        raise BadRequest((ErrorDetail(message, "Idempotency-Key"),))
    return key


async def read_json(request: HttpRequest, *, required: bool = True) -> bytes:
    """Return the body; it must be declared as JSON, which a form of another site cannot do.

    Raises:
        NotJson: the content type is not JSON in UTF-8.
        EncodedBody, BodyTooLarge, BodyTooSlow, BadRequest: see `read_body`.
    """
    content_types = request.fields.getall("content-type")
    if required or content_types:
        _check_json(content_types)
    content = await read_body(request, MAX_JSON_BYTES)
    if content and not content_types:
        raise NotJson
    # RFC 8259, section 8.1, permits to ignore a byte-order mark.
    return content.removeprefix(codecs.BOM_UTF8)


async def read_optional_json(request: HttpRequest) -> bytes:
    """Return the body of a request that says everything in its path.

    The type of an empty one does not matter: many clients declare one in every request. Where
    an empty body moves money, `read_json` refuses them, as the fields may be lost.

    Raises:
        NotJson, EncodedBody, BodyTooLarge, BodyTooSlow, BadRequest: as for `read_json`.
    """
    content = await read_body(request, MAX_JSON_BYTES)
    if content:
        _check_json(request.fields.getall("content-type"))
    return content.removeprefix(codecs.BOM_UTF8)


async def read_body(request: HttpRequest, max_bytes: int) -> bytes:
    """Return the body; its size is counted while it arrives, as Content-Length may be wrong.

    Raises:
        EncodedBody: it is compressed, or has another content coding.
        BodyTooLarge: it has more than `max_bytes` bytes.
        BodyTooSlow: it did not arrive within BODY_SECONDS.
        BadRequest: the connection was closed before the end of the body.
    """
    _check_coding(request)
    content_length = request.fields.get("content-length", "0")
    if not content_length.isdecimal() or int(content_length[:20]) > max_bytes:
        raise BodyTooLarge
    if HAS_ARRIVED in request.scope:
        return await _receive(request, max_bytes)  # this waits for nothing
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _receive(request, max_bytes)
    except TimeoutError:
        raise BodyTooSlow from None


async def _receive(request: HttpRequest, max_bytes: int) -> bytes:
    content = bytearray()
    while True:
        message = await request.receive()
        if message["type"] != "http.request":
            raise BadRequest((ErrorDetail("The body is incomplete"),))
        content += message.get("body", b"")
        if len(content) > max_bytes:
            raise BodyTooLarge
        if not message.get("more_body", False):
            return bytes(content)


def _check_coding(request: HttpRequest) -> None:
    values = request.fields.getall("content-encoding")
    for coding in [each.strip().lower() for each in ",".join(values).split(",")] if values else ():
        if coding not in ("", "identity"):
            raise EncodedBody(coding if _TOKEN.fullmatch(coding) else "unknown")


def _check_json(content_types: Sequence[str]) -> None:
    """Check that there is one content type, JSON in UTF-8; other parameters have no meaning.

    Raises:
        NotJson: it is not.
    """
    if content_types == _PLAIN_JSON:
        return
    media_type, *parameters = content_types[0].split(";") if len(content_types) == 1 else [""]
    if media_type.strip().lower() != "application/json":
        raise NotJson
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset" and not _is_utf8(value):
            raise NotJson("The charset of the body must be utf-8")


def _is_utf8(charset: str) -> bool:
    return charset.strip().strip('"').strip().lower() in ("utf-8", "utf8", "us-ascii")
