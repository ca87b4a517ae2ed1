"""ObservedEvents: count how deliveries end and what waits, and report dead letters."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from attrs import frozen

from application.ports.alerts import AlertKind, Alerts
from application.ports.inbound_events import InboundEvent, InboundEvents, StreamProgress
from application.ports.stream_positions import EventPosition


@frozen
class ObservedEvents:
    """A subscription whose deliveries are counted; it implements InboundEvents."""

    _events: InboundEvents
    _count: Callable[[str, str], None]
    """Counts a delivery by subject and result."""
    _alerts: Alerts
    _observe: Callable[[StreamProgress], None]
    """Shows how far a stream was read; the alignment asks every few seconds."""

    async def fetch(self, limit: int, wait: timedelta) -> Sequence[InboundEvent]:
        """Return deliveries that are counted when they end."""
        events = await self._events.fetch(limit, wait)
        return [_ObservedEvent(event, self._count, self._alerts) for event in events]

    async def progress(self) -> Sequence[StreamProgress]:
        """Return how far each stream was read."""
        progress = await self._events.progress()
        for each in progress:
            self._observe(each)
        return progress

    async def has_acknowledged(self, progress: StreamProgress, after: int) -> bool:
        """Whether an event after this sequence was acknowledged and is still stored."""
        return await self._events.has_acknowledged(progress, after)

    async def set_back(self, progress: StreamProgress, begin: int | None) -> StreamProgress:
        """Deliver all events from this sequence on again."""
        return await self._events.set_back(progress, begin)


@frozen
class _ObservedEvent:
    _event: InboundEvent
    _count: Callable[[str, str], None]
    _alerts: Alerts

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
        await self._event.ack()
        self._count(self.subject, "applied")

    async def retry(self, after: timedelta) -> None:
        await self._event.retry(after)
        self._count(self.subject, "retried")

    async def dead_letter(self, reason: str) -> None:
        await self._event.dead_letter(reason)
        self._count(self.subject, "dead_letter")
        await self._alerts.report(AlertKind.DEAD_LETTER, self.subject, reason)
