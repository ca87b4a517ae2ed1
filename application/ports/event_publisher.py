"""The way of our events to the others: the outbox's queue, and the broker it is relayed to."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from attrs import field, frozen

from domain.events import Event, EventId


@frozen
class OutboxEntry:
    """An event waiting to be published, and the trace it belongs to."""

    event: Event
    recorded_at: datetime
    traceparent: str | None = None
    """W3C trace context of what caused it (https://www.w3.org/TR/trace-context/)."""


class OutboxQueue(Protocol):
    """The unsent part of the outbox, worked by one relay at a time.

    Promises, checked by tests/contracts/outbox_queue.py on every adapter:

    - Entries come in the order in which they were committed, order by order.
    - While one relay holds the lease, `take` gives another one nothing. A lease that was not
      renewed by taking again ends by itself: a relay that died or sleeps holds up nobody.
    - What is taken but not marked is given out again.
    """

    async def take(self, relay: str, lease: timedelta, limit: int) -> Sequence[OutboxEntry]:
        """The longest waiting entries, if the lease is free or ours; renews it."""

    async def mark_sent(self, events: Collection[EventId]) -> None:
        """The broker has stored these."""

    async def park(self, refused: Mapping[EventId, str]) -> None:
        """Set aside what can never be published, each with the reason, so that it blocks nothing."""


class BrokerUnavailable(Exception):
    """The broker cannot be reached; everything is to be sent again later, under the same ids."""


@frozen
class Published:
    """What the broker said to a batch; what is in neither is to be sent again."""

    stored: frozenset[EventId] = frozenset()
    refused: Mapping[EventId, str] = field(factory=dict)
    """Never to be stored as it is, and why: too large, say."""


class EventPublisher(Protocol):
    """Brings events to the broker.

    Promises, checked by tests/contracts/event_publisher.py on every adapter: an event reported as
    stored is stored, under its id; the entries of one call may be stored in any order.
    """

    async def publish(self, entries: Sequence[OutboxEntry]) -> Published:
        """Publish all of them at once (pipelined).

        Raises:
            BrokerUnavailable: none of them is known to be stored.
        """
