"""The spans of messages (https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/)."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Final

from attrs import evolve, frozen
from opentelemetry.trace import Span, SpanKind

from application.ports.event_publisher import (
    BrokerUnavailable,
    EventPublisher,
    OutboxEntry,
    PublishResult,
)
from application.ports.inbound_events import InboundEvent, InboundEvents, StreamProgress
from application.ports.stream_positions import EventPosition
from domain.events import EventId
from entrypoints.tracing.spans import (
    Attributes,
    Spans,
    fail,
    remote_parent,
    shown,
    traceparent_of,
)

_ID_HEADER: Final = "Nats-Msg-Id"


@frozen
class TracedPublisher:
    """A publisher with a span for each event, in the trace of its cause; an EventPublisher.

    The header `traceparent` of the message names this span, so that the spans of the consumers
    follow it.
    """

    _publisher: EventPublisher
    _spans: Spans
    _destination: Callable[[str], str]
    """Returns the full name of a subject."""

    async def publish(self, entries: Sequence[OutboxEntry]) -> PublishResult:
        """Publish the entries."""
        spans = {each.event.id: self._begin(each) for each in entries if each.traceparent}
        try:
            result = await self._publisher.publish([_within(each, spans) for each in entries])
        except Exception as error:
            for span in spans.values():
                fail(span, type(error).__name__, str(error))
            raise
        else:
            for event_id, span in spans.items():
                _note(span, event_id, result)
            return result
        finally:
            for span in spans.values():
                span.end()

    def _begin(self, entry: OutboxEntry) -> Span:
        event = entry.event
        destination = self._destination(event.subject)
        attributes = _attributes("send", destination, event.id)
        attributes["payments.order_id"] = shown(event.order_id)
        parent = remote_parent(entry.traceparent)
        return self._spans.message(f"send {destination}", SpanKind.PRODUCER, parent, attributes)


def _within(entry: OutboxEntry, spans: Mapping[EventId, Span]) -> OutboxEntry:
    span = spans.get(entry.event.id)
    if span is None:
        return entry
    return evolve(entry, traceparent=traceparent_of(span.get_span_context()))


def _note(span: Span, event_id: EventId, result: PublishResult) -> None:
    if event_id in result.rejected:
        fail(span, "rejected", result.rejected[event_id])
    elif event_id not in result.stored:
        fail(span, BrokerUnavailable.__name__, "not confirmed")


@frozen
class TracedEvents:
    """A subscription with a span for each delivery, in the trace of its sender; InboundEvents."""

    _events: InboundEvents
    _spans: Spans
    _destination: Callable[[str], str]
    """Returns the full name of a subject."""

    async def fetch(self, limit: int, wait: timedelta) -> Sequence[InboundEvent]:
        """Return deliveries whose spans end when they end."""
        return [self._begin(event) for event in await self._events.fetch(limit, wait)]

    async def progress(self) -> Sequence[StreamProgress]:
        """Return how far each stream was read."""
        return await self._events.progress()

    async def has_acknowledged(self, progress: StreamProgress, after: int) -> bool:
        """Whether an event after this sequence was acknowledged and is still stored."""
        return await self._events.has_acknowledged(progress, after)

    async def set_back(self, progress: StreamProgress, begin: int | None) -> StreamProgress:
        """Deliver all events from this sequence on again."""
        return await self._events.set_back(progress, begin)

    def _begin(self, event: InboundEvent) -> "_TracedEvent":
        destination = self._destination(event.subject)
        attributes = _attributes("process", destination, event.headers.get(_ID_HEADER))
        attributes["payments.delivery"] = event.deliveries
        parent = remote_parent(event.headers.get("traceparent"), event.headers.get("tracestate"))
        name = f"process {destination}"
        return _TracedEvent(event, self._spans.message(name, SpanKind.CONSUMER, parent, attributes))


@frozen
class _TracedEvent:
    _event: InboundEvent
    _span: Span

    @property
    def subject(self) -> str:
        return self._event.subject

    @property
    def data(self) -> bytes:
        return self._event.data

    @property
    def headers(self) -> Mapping[str, str]:
        return self._event.headers

    @property
    def deliveries(self) -> int:
        return self._event.deliveries

    @property
    def position(self) -> EventPosition:
        return self._event.position

    async def ack(self) -> None:
        try:
            await self._event.ack()
        finally:
            self._span.end()

    async def retry(self, after: timedelta) -> None:
        fail(self._span, "retried")
        try:
            await self._event.retry(after)
        finally:
            self._span.end()

    async def dead_letter(self, reason: str) -> None:
        fail(self._span, "dead_letter", reason)
        try:
            await self._event.dead_letter(reason)
        finally:
            self._span.end()


def _attributes(operation: str, destination: str, message_id: str | None) -> Attributes:
    attributes: Attributes = {
        "messaging.system": "nats",
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.destination.name": destination,
    }
    if message_id is not None:
        attributes["messaging.message.id"] = shown(message_id)
    return attributes
