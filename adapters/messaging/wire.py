"""The wire format of our events: a JSON body and CloudEvents headers."""

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

import msgspec
from attrs import frozen

from adapters.messaging.bodies import body_of
from application.ports.event_publisher import OutboxEntry

ID_HEADER: Final = "Nats-Msg-Id"
"""The header by which JetStream recognizes a message that it has already stored
(https://docs.nats.io/nats-concepts/jetstream/headers)."""

MAX_BYTES: Final = 64 * 1024
"""The largest message in the stream of our events, headers included: fifty times the size of an
ordinary event, so that only a mistake is rejected."""


@frozen
class Unpublishable(Exception):
    """The event cannot be encoded as JSON."""

    reason: str


@frozen
class Message:
    """A message of the broker: an encoded event, or a copy of one."""

    subject: str
    data: bytes
    headers: Mapping[str, str]

    @property
    def header_block(self) -> bytes:
        """The headers as NATS encodes them (the protocol's HPUB).

        A line break would end a header, so it becomes a space.
        """
        lines = [f"{name}: {value}\r\n" for name, value in self.headers.items()]
        block = "".join(lines)
        if not block.count("\r") == block.count("\n") == len(lines):
            block = "".join(f"{' '.join(line.splitlines())}\r\n" for line in lines)
        return f"NATS/1.0\r\n{block}\r\n".encode()

    @property
    def size(self) -> int:
        """The size in bytes as a NATS server counts it: headers and body."""
        return len(self.header_block) + len(self.data)


_ENCODER: Final = msgspec.json.Encoder()


def encode(entry: OutboxEntry) -> Message:
    """Encode an event; the same entry always gives the same message.

    Raises:
        Unpublishable: it contains text that is not valid Unicode.
    """
    event = entry.event
    try:
        data = _ENCODER.encode(body_of(event))
    except UnicodeEncodeError as error:
        raise Unpublishable(f"cannot be encoded as JSON: {error.reason}") from error
    # Binary mode of https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/nats-protocol-binding.md
    headers = {
        ID_HEADER: event.id,
        "ce-id": event.id,
        "ce-type": event.subject,
        "ce-source": "payments",
        "ce-time": _utc(entry.recorded_at),
        "ce-specversion": "1.0",
        "content-type": "application/json",
        "traceparent": entry.traceparent or _traceparent(event.id),
    }
    return Message(event.subject, data, headers)


def _utc(moment: datetime) -> str:
    """Format as ISO 8601 with a Z: CloudEvents requires RFC 3339, and JavaScript reads it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _traceparent(event_id: str) -> str:
    """Return a trace context for an event without one; the same on every resend.

    The flags mark it as not recorded (https://www.w3.org/TR/trace-context/#trace-flags).
    """
    digest = sha256(event_id.encode()).hexdigest()
    return f"00-{digest[:32]}-{digest[32:48]}-00"
