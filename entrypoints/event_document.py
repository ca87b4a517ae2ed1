"""The AsyncAPI document of the events that we read and publish, made of their very types."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from attrs import field, frozen

Json = dict[str, Any]

ASYNCAPI: Final = "3.0.0"
"""https://www.asyncapi.com/docs/reference/specification/v3.0.0"""

_REF: Final = "#/components/schemas/{name}"

_TRACEPARENT: Final = {
    "type": "string",
    "pattern": "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
    "description": "W3C trace context of what caused it",
}


@frozen
class Example:
    """A message: its body, and its headers if it has any."""

    data: bytes
    headers: Mapping[str, str] = field(factory=dict)


@frozen
class EventKind:
    """The events of one subject."""

    subject: str
    body: type[msgspec.Struct]
    stream: str
    """The stream that we create for it if no stream has the subject."""
    examples: Sequence[Example]
    is_ours: bool = False
    """Whether we publish them; else we read them."""
    also_read: str = ""
    """Why we read our own events, if we do."""
    setting: str = ""
    """The variable that may name another subject."""

    @property
    def name(self) -> str:
        """The name of the channel and of the message, such as `paymentCreated`."""
        name = self.body.__name__.removesuffix("Body")
        return f"{name[:1].lower()}{name[1:]}"

    @property
    def summary(self) -> str:
        """What has happened."""
        return (self.body.__doc__ or "").strip()


def event_document(
    kinds: Sequence[EventKind], version: str, full_subject: Callable[[str], str] = str
) -> Json:
    """Return the document; `full_subject` puts the prefix before a subject."""
    _, schemas = msgspec.json.schema_components([each.body for each in kinds], ref_template=_REF)
    headers = {f"{each.name}Headers": _our_headers(each) for each in kinds if each.is_ours}
    return {
        "asyncapi": ASYNCAPI,
        "info": {
            "title": "payments",
            "version": version,
            "description": (
                "Events in JSON on NATS JetStream. They are delivered at least once: recognize a"
                " repeated one by its id. Ours are in order for each order. Ignore fields that you"
                " do not know: later versions may add some."
            ),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "nats": {
                "host": "{host}",
                "protocol": "nats",
                "description": "NATS with JetStream, as NATS_URL names it",
                "variables": {"host": {"default": "localhost:4222"}},
            }
        },
        "channels": {each.name: _channel(each, full_subject) for each in kinds},
        "operations": dict(_operations(kinds)),
        "components": {
            "messages": {each.name: _message(each) for each in kinds},
            "schemas": {
                **schemas,
                "OrderEventHeaders": _ORDER_HEADERS,
                **headers,
            },
        },
    }


def _channel(kind: EventKind, full_subject: Callable[[str], str]) -> Json:
    channel = {
        "address": full_subject(kind.subject),
        "description": kind.summary,
        "messages": {kind.name: {"$ref": f"#/components/messages/{kind.name}"}},
        "x-jetstream": {"stream": kind.stream},
    }
    return channel | ({"x-setting": kind.setting} if kind.setting else {})


def _operations(kinds: Iterable[EventKind]) -> Iterator[tuple[str, Json]]:
    for kind in kinds:
        verb = "send" if kind.is_ours else "receive"
        yield (
            f"{verb}{kind.body.__name__.removesuffix('Body')}",
            _operation(kind, verb, kind.summary),
        )
        if kind.also_read:
            yield (
                f"receive{kind.body.__name__.removesuffix('Body')}",
                _operation(kind, "receive", kind.also_read),
            )


def _operation(kind: EventKind, action: str, summary: str) -> Json:
    channel = f"#/channels/{kind.name}"
    return {
        "action": action,
        "channel": {"$ref": channel},
        "summary": summary,
        "messages": [{"$ref": f"{channel}/messages/{kind.name}"}],
    }


def _message(kind: EventKind) -> Json:
    headers = f"{kind.name}Headers" if kind.is_ours else "OrderEventHeaders"
    return {
        "name": kind.name,
        "title": kind.subject,
        "summary": kind.summary,
        "contentType": "application/json",
        "headers": {"$ref": _REF.format(name=headers)},
        "payload": {"$ref": _REF.format(name=kind.body.__name__)},
        "examples": [_example(each) for each in kind.examples],
    }


def _example(example: Example) -> Json:
    headers = {"headers": dict(example.headers)} if example.headers else {}
    return {**headers, "payload": json.loads(example.data)}


_ORDER_HEADERS: Final[Json] = {
    "type": "object",
    "description": "None is needed. With Nats-Msg-Id, the stream drops what you send twice.",
    "properties": {
        "Nats-Msg-Id": {"type": "string", "description": "The id of the message"},
    },
}


def _our_headers(kind: EventKind) -> Json:
    """Return the headers of our events: CloudEvents in binary mode, and the trace."""
    event_id = {"type": "string", "pattern": f"^{kind.subject}:", "description": "The event's id"}
    properties: Json = {
        "Nats-Msg-Id": {**event_id, "description": "The event's id: the same on every resend"},
        "ce-id": event_id,
        "ce-type": {"const": kind.subject, "description": "What has happened"},
        "ce-source": {"const": "payments", "description": "This service"},
        "ce-time": {
            "type": "string",
            "format": "date-time",
            "description": "When it was recorded, in UTC",
        },
        "ce-specversion": {"const": "1.0", "description": "Of CloudEvents"},
        "content-type": {"const": "application/json", "description": "Of the body"},
        "traceparent": _TRACEPARENT,
    }
    return {
        "type": "object",
        "description": "CloudEvents in binary mode, the id for JetStream, and the trace.",
        "properties": properties,
        "required": list(properties),
    }
