"""Requests to the JetStream API whose replies the library reads only in part.

https://docs.nats.io/reference/reference-protocols/nats_api_reference
"""

from base64 import b64decode
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec
from attrs import frozen
from nats.errors import Error
from nats.js.api import RawStreamMsg

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
    last_active: str | None = None
    """When the consumer came here; None if it has not, since its leader began to run."""


class ConsumerInfo(ApiReply):
    """A consumer; its configuration as the server has it, also settings that we do not know."""

    name: str = ""
    created: str = ""
    config: dict[str, Any] = msgspec.field(default_factory=dict)
    delivered: Sequences = msgspec.field(default_factory=Sequences)
    ack_floor: Sequences = msgspec.field(default_factory=Sequences)
    num_ack_pending: int = 0
    num_pending: int = 0
    paused: bool = False


class _StreamState(msgspec.Struct):
    messages: int = 0
    bytes: int = 0
    first_seq: int = 0
    last_seq: int = 0
    subjects: dict[str, int] | None = None


class StreamInfo(ApiReply):
    """A stream; its configuration as the server has it."""

    created: str = ""
    config: dict[str, Any] = msgspec.field(default_factory=dict)
    state: _StreamState = msgspec.field(default_factory=_StreamState)


def parse_reply(data: bytes, reply_type: type[Reply]) -> Reply:
    """Return the reply to a request.

    Raises:
        ApiRefusal: the server refused it.
    """
    try:
        reply = msgspec.json.decode(data, type=reply_type)
    except msgspec.MsgspecError:
        raise Error("the reply of JetStream cannot be read") from None
    if reply.error is not None:
        raise ApiRefusal(reply.error.code, reply.error.err_code, reply.error.description)
    return reply


def parse_headers(block: bytes) -> Mapping[str, str]:
    """Parse encoded headers.

    The library parses those of stored messages as the headers of an e-mail, which changes some
    values.
    """
    lines = block.decode("utf-8", "replace").split("\r\n")[1:]
    named = (line.partition(":") for line in lines if line)
    return {name: value.strip() for name, _, value in named}


def headers_of(stored: RawStreamMsg) -> Mapping[str, str]:
    """Parse the headers of a stored message as those of a delivered one."""
    return parse_headers(b64decode(stored.hdrs or ""))
