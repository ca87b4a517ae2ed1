"""Parking: events that the broker rejects, until an operator lets them be published again."""

from collections.abc import Sequence
from typing import Final

from attrs import define, evolve, field, frozen

from adapters.messaging.in_memory import InMemoryPublisher
from adapters.persistence.in_memory import InMemoryDatabase
from application.ports.event_publisher import EventPublisher, OutboxEntry, PublishResult
from domain.events import EventId
from payments_kit.simulation.faults import FaultInjector, FaultKind
from payments_kit.simulation.loop import SimulatedLoop

_MAX_EXPONENT: Final = 3.5
"""The latest operator looks 10 to this power of seconds later: within an hour."""

_REASON: Final = "its subject is not allowed"


@define
class Parking:
    """Rejects some events, and lets an operator end that."""

    loop: SimulatedLoop
    injector: FaultInjector
    database: InMemoryDatabase
    rejected: set[str] = field(factory=set)
    """Every event that was rejected: it may be published after later ones of its order."""

    def publisher(self, publisher: InMemoryPublisher) -> EventPublisher:
        """Return a publisher whose broker rejects some events."""
        is_possible = self.injector.is_possible(FaultKind.EVENT_PARKED)
        return _Rejecting(publisher, self) if is_possible else publisher

    def rejects(self, event_id: EventId) -> bool:
        """Whether the broker rejects an event now."""
        if not self.injector.occurs(FaultKind.EVENT_PARKED):
            return False
        self.rejected.add(event_id)
        seconds = 10 ** self.injector.uniform(FaultKind.EVENT_PARKED, 0.0, _MAX_EXPONENT)
        for after in (seconds, 10**_MAX_EXPONENT):
            self.loop.call_later(after, self._release, context=self.loop.outside)
        return True

    def _release(self) -> None:
        """Let everything that is parked be published, as `payments outbox republish` does."""
        outbox = self.database.outbox
        for event_id, record in outbox.items():
            if record.parked is not None:
                outbox[event_id] = evolve(record, parked=None)
        self.database.signal_events()


@frozen
class _Rejecting:
    publisher: InMemoryPublisher
    parking: Parking

    async def publish(self, entries: Sequence[OutboxEntry]) -> PublishResult:
        rejected = [each.event.id for each in entries if self.parking.rejects(each.event.id)]
        accepted = [each for each in entries if each.event.id not in rejected]
        result = await self.publisher.publish(accepted)
        return evolve(result, rejected={**result.rejected, **dict.fromkeys(rejected, _REASON)})
