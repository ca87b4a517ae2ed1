"""How our events reach other services: the outbox queue, and the broker it is relayed to."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from attrs import field, frozen

from application.ports.alerts import AlertKind
from domain.events import Event, EventId


@frozen
class OutboxEntry:
    """An event to publish, with the trace it belongs to."""

    event: Event
    recorded_at: datetime
    traceparent: str | None = None
    """W3C trace context of its cause (https://www.w3.org/TR/trace-context/)."""


class OutboxQueue(Protocol):
    """The unsent part of the outbox, processed by one relay at a time.

    Promises, checked by tests/contracts/outbox_queue.py on every adapter:

    - The entries of one order come in the order in which they were committed.
    - While one relay holds the lease, `take` returns nothing to others. A lease that is not
      renewed by another `take` ends, so a crashed or suspended relay does not block the others.
    - Entries that were returned but not marked are returned again.
    """

    async def take(self, relay: str, lease: timedelta, limit: int) -> Sequence[OutboxEntry]:
        """Return the oldest unsent entries if the lease is free or ours, and renew the lease."""

    async def mark_sent(self, events: Collection[EventId]) -> None:
        """Record that the broker has stored these events."""

    async def park(self, rejected: Mapping[EventId, str]) -> None:
        """Set aside events that can never be published, each with the reason."""


class OutboxSignal(Protocol):
    """Ends the pause of a relay that has found nothing, as soon as there is something.

    It is only a hint, so that no adapter needs to be reliable, and no method raises: a signal may
    be lost, and the relay asks again after a pause nevertheless.

    Promises, checked by tests/contracts/outbox_signal.py on every adapter: if nothing fails, a
    commit that adds events ends the `wait` of the relay whose `take` has found nothing, also if the
    commit comes before the `wait`; one without events ends none.
    """

    async def wait(self) -> None:
        """Return when events may wait; at once if there was a signal since the last return."""


class BrokerUnavailable(Exception):
    """The broker cannot be reached; everything must be sent again later, under the same ids."""


class BrokerUnsuitable(BrokerUnavailable):
    """The broker can be reached, but may not be used as it is; only an operator can change that."""

    def __init__(self, kind: AlertKind, subject: str, problem: str) -> None:
        super().__init__(problem)
        self.kind = kind
        self.subject = subject
        """What it is about: a subject, a stream or a consumer."""


@frozen
class PublishResult:
    """The broker's reply to a batch; entries in neither field must be sent again."""

    stored: frozenset[EventId] = frozenset()
    rejected: Mapping[EventId, str] = field(factory=dict)
    """Events that the broker can never store, with the reason, such as their size."""


class EventPublisher(Protocol):
    """Sends events to the broker.

    Promises, checked by tests/contracts/event_publisher.py on every adapter: an event reported as
    stored is stored under its id; the entries of one call may be stored in any order.
    """

    async def publish(self, entries: Sequence[OutboxEntry]) -> PublishResult:
        """Publish all entries at once (pipelined).

        Raises:
            BrokerUnavailable: no entry is known to be stored.
        """
