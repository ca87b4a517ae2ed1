"""The wire format of our events: a JSON body and CloudEvents headers."""

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

import msgspec
from attrs import frozen

from application.ports.event_publisher import OutboxEntry
from domain.events import (
    Event,
    PaymentAuthorized,
    PaymentCreated,
    PaymentDisputed,
    PaymentExpiring,
    PaymentFailed,
    PaymentPending,
    PaymentRefunded,
    PaymentVoided,
)

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


class _Body(msgspec.Struct, rename="camel"):
    id: str
    order_id: str


class _Created(_Body):
    stripe_id: str
    charge_id: str
    amount: int
    currency: str
    gateway: str
    created_at: datetime


class _Pending(_Body):
    amount: int
    currency: str
    gateway: str


class _Authorized(_Body):
    stripe_id: str
    charge_id: str
    amount: int
    currency: str
    gateway: str
    expires_at: datetime


class _Voided(_Body):
    amount: int
    currency: str
    reason: str


class _Expiring(_Body):
    expires_at: datetime


class _Refunded(_Body):
    refund_id: str
    stripe_id: str
    amount: int
    currency: str
    reason: str


class _Failed(_Body):
    code: str


class _Disputed(_Body):
    dispute_id: str
    stripe_id: str
    amount: int
    currency: str
    reason: str
    status: str


_ENCODER: Final = msgspec.json.Encoder()


def encode(entry: OutboxEntry) -> Message:
    """Encode an event; the same entry always gives the same message.

    Raises:
        Unpublishable: it contains text that is not valid Unicode.
    """
    event = entry.event
    try:
        data = _ENCODER.encode(_body(event))
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


def _body(event: Event) -> _Body:
    match event:
        case PaymentCreated():
            return _Created(
                id=event.payment_id,
                order_id=event.order_id,
                stripe_id=event.charge_id,
                charge_id=event.charge_id,
                amount=event.amount.minor_units,
                currency=event.amount.currency.code,
                gateway=event.gateway,
                created_at=event.created_at.astimezone(UTC),
            )
        case PaymentPending():
            return _Pending(
                id=event.payment_id,
                order_id=event.order_id,
                amount=event.amount.minor_units,
                currency=event.amount.currency.code,
                gateway=event.gateway,
            )
        case PaymentAuthorized():
            return _Authorized(
                id=event.payment_id,
                order_id=event.order_id,
                stripe_id=event.charge_id,
                charge_id=event.charge_id,
                amount=event.amount.minor_units,
                currency=event.amount.currency.code,
                gateway=event.gateway,
                expires_at=event.expires_at.astimezone(UTC),
            )
        case PaymentVoided():
            return _Voided(
                id=event.payment_id,
                order_id=event.order_id,
                amount=event.amount.minor_units,
                currency=event.amount.currency.code,
                reason=event.reason,
            )
        case PaymentExpiring():
            return _Expiring(
                id=event.payment_id,
                order_id=event.order_id,
                expires_at=event.expires_at.astimezone(UTC),
            )
        case PaymentRefunded():
            return _Refunded(
                id=event.payment_id,
                refund_id=event.refund_id,
                order_id=event.order_id,
                stripe_id=event.charge_id,
                amount=event.amount.minor_units,
                currency=event.amount.currency.code,
                reason=event.reason,
            )
        case PaymentFailed():
            return _Failed(id=event.payment_id, order_id=event.order_id, code=event.code)
        case PaymentDisputed():
            return _Disputed(
                id=event.payment_id,
                dispute_id=event.dispute_id,
                order_id=event.order_id,
                stripe_id=event.charge_id,
                amount=event.amount.minor_units,
                currency=event.amount.currency.code,
                reason=event.reason,
                status=event.status,
            )


def _utc(moment: datetime) -> str:
    """Format as ISO 8601 with a Z: CloudEvents requires RFC 3339, and JavaScript reads it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _traceparent(event_id: str) -> str:
    """Return a trace context for an event without one; the same on every resend.

    The flags mark it as not recorded (https://www.w3.org/TR/trace-context/#trace-flags).
    """
    digest = sha256(event_id.encode()).hexdigest()
    return f"00-{digest[:32]}-{digest[32:48]}-00"
