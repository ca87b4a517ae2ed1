"""Requests to the JetStream API whose replies the library reads only in part.

https://docs.nats.io/reference/reference-protocols/nats_api_reference
"""

from typing import Any, Final, TypeVar

import msgspec
from attrs import frozen
from nats.aio.client import Client
from nats.errors import Error

from adapters.messaging.jetstream.connection import REQUEST_SECONDS

STREAM_NOT_FOUND: Final = 10059
"""JSStreamNotFoundErr (nats-server, server/errors.json)."""

Reply = TypeVar("Reply", bound="ApiReply")


@frozen
class ApiRefusal(Error):
    """The server refused a request."""

    code: int
    err_code: int
    description: str

    def __str__(self) -> str:
        return f"{self.description} (code {self.code}, error {self.err_code})"


class _Refusal(msgspec.Struct):
    code: int = 0
    err_code: int = 0
    description: str = ""


class ApiReply(msgspec.Struct, kw_only=True):
    """What every reply may contain."""

    error: _Refusal | None = None


class Sequences(msgspec.Struct):
    """A place in a consumer, and in its stream."""

    consumer_seq: int = 0
    stream_seq: int = 0


class ConsumerInfo(ApiReply):
    """A consumer; its configuration as the server has it, also settings that we do not know."""

    name: str = ""
    created: str = ""
    config: dict[str, Any] = msgspec.field(default_factory=dict)
    delivered: Sequences = msgspec.field(default_factory=Sequences)
    ack_floor: Sequences = msgspec.field(default_factory=Sequences)
    paused: bool = False


class _StreamState(msgspec.Struct):
    first_seq: int = 0
    last_seq: int = 0


class StreamInfo(ApiReply):
    """A stream; its configuration as the server has it."""

    created: str = ""
    config: dict[str, Any] = msgspec.field(default_factory=dict)
    state: _StreamState = msgspec.field(default_factory=_StreamState)


async def request(
    client: Client, subject: str, reply_type: type[Reply], body: object | None = None
) -> Reply:
    """Send a request below `$JS.API.`, and return its reply.

    Raises:
        ApiRefusal: the server refused it.
        Error, TimeoutError: there is no reply.
    """
    data = b"" if body is None else msgspec.json.encode(body)
    message = await client.request(f"$JS.API.{subject}", data, timeout=REQUEST_SECONDS)
    reply = msgspec.json.decode(message.data, type=reply_type)
    if reply.error is not None:
        raise ApiRefusal(reply.error.code, reply.error.err_code, reply.error.description)
    return reply
