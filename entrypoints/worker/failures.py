"""Failures: how often each event has failed by its own content."""

from collections import OrderedDict
from typing import Final

from attrs import define, field

from application.ports.inbound_events import InboundEvent
from application.ports.stream_positions import EventPosition

# Events that fail at the same time. Those that are forgotten beyond it are only retried more often.
MAX_EVENTS: Final = 10_000


@define
class Failures:
    """Counts the failures of events in this process.

    The broker's number of deliveries is not that: it includes those that ended because the database
    was away, which may be hundreds in an outage, and no fault of the event.
    """

    _counts: "OrderedDict[EventPosition, int]" = field(factory=OrderedDict)
    """A stream that is created again has the same numbers, but stores its events later."""

    def add(self, event: InboundEvent) -> int:
        """Count one more failure of an event; return how many there are."""
        position = event.position
        count = self._counts.pop(position, 0) + 1
        self._counts[position] = count
        if len(self._counts) > MAX_EVENTS:
            self._counts.popitem(last=False)
        return count
