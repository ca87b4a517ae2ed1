"""Read Litestar requests: query, headers, and bodies within limits of size and time."""

import asyncio
import re
from typing import Any, Final

from litestar import Request

from domain.identifiers import OrderId
from entrypoints.http.errors import BadRequest, BodyTooLarge, BodyTooSlow, NotJson
from entrypoints.http.replies import ErrorDetail
from entrypoints.http.request_bodies import TEXT_RULE
from entrypoints.http.validation import MAX_CHARACTERS, is_text

AnyRequest = Request[Any, Any, Any]

# More than twice the largest valid request: two texts of 255 characters, each character 12 bytes
# long when it is escaped as a pair of \uXXXX, and a few field names.
MAX_JSON_BYTES: Final = 16 * 1024

# Stripe's events were at most about 100 KiB; NATS limits a message to 1 MiB by default.
MAX_NOTIFICATION_BYTES: Final = 1024 * 1024

# A body must be cut off within 30 s. This is also below the 25 s of a graceful stop (server.py).
BODY_SECONDS: Final = 20.0

_IDEMPOTENCY_KEY: Final = re.compile(f"[\x21-\x7e]{{1,{MAX_CHARACTERS}}}")


def order_id_in_query(request: AnyRequest) -> OrderId:
    """Return the order id in `?orderId=`.

    Raises:
        BadRequest: it is missing or not valid text.
    """
    value = request.query_params.get("orderId")
    if not is_text(value):
        raise BadRequest((ErrorDetail(f"orderId {TEXT_RULE}", "orderId"),))
    return OrderId(str(value))


def idempotency_key(request: AnyRequest) -> str | None:
    """Return the request's idempotency key, if any; in quotes as in the draft, or without.

    https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/, section 2.1.

    Raises:
        BadRequest: the header is not one valid key.
    """
    values = request.headers.getall("idempotency-key", [])
    if not values:
        return None
    key = values[0].strip()
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = re.sub(r"\\([\"\\])", r"\1", key[1:-1])
    if len(values) > 1 or not _IDEMPOTENCY_KEY.fullmatch(key):
        message = f"Idempotency-Key must be one key of 1 to {MAX_CHARACTERS} visible characters"
        raise BadRequest((ErrorDetail(message, "Idempotency-Key"),))
    return key


async def read_json(request: AnyRequest, *, required: bool = True) -> bytes:
    """Return the body; it must be declared as JSON, which a form of another site cannot do.

    Raises:
        NotJson: the content type is not JSON.
        BodyTooLarge, BodyTooSlow, BadRequest: see `read_body`.
    """
    content_types = request.headers.getall("content-type", [])
    if len(content_types) != 1 or not _is_json(content_types[0]):
        if required or content_types or await read_body(request, MAX_JSON_BYTES):
            raise NotJson
        return b""
    return await read_body(request, MAX_JSON_BYTES)


async def read_body(request: AnyRequest, max_bytes: int) -> bytes:
    """Return the body; its size is counted while it arrives, as Content-Length may be wrong.

    Raises:
        BodyTooLarge: it has more than `max_bytes` bytes.
        BodyTooSlow: it did not arrive within BODY_SECONDS.
        BadRequest: the connection was closed before the end of the body.
    """
    content_length = request.headers.get("content-length", "0")
    if not content_length.isdecimal() or int(content_length[:20]) > max_bytes:
        raise BodyTooLarge
    content = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await request.receive()
                if message["type"] != "http.request":
                    raise BadRequest((ErrorDetail("The body is incomplete"),))
                content += message.get("body", b"")
                if len(content) > max_bytes:
                    raise BodyTooLarge
                if not message.get("more_body", False):
                    return bytes(content)
    except TimeoutError:
        raise BodyTooSlow from None


def _is_json(content_type: str) -> bool:
    media_type, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charsets = {"charset=utf-8", 'charset="utf-8"', ""}
    return media_type == "application/json" and charsets.issuperset(parameters)
