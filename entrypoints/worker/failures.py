"""Failures: how often each event has failed by its own content."""

from collections import OrderedDict
from typing import Final

from attrs import define, field

from application.ports.inbound_events import InboundEvent

# Events that fail at the same time. Those that are forgotten beyond it are only retried more often.
MAX_EVENTS: Final = 10_000

_Key = tuple[str, str, int]


@define
class Failures:
    """Counts the failures of events in this process.

    The broker's number of deliveries is not that: it includes those that ended because the database
    was away, which may be hundreds in an outage, and no fault of the event.
    """

    _counts: "OrderedDict[_Key, int]" = field(factory=OrderedDict)

    def add(self, event: InboundEvent) -> int:
        """Count one more failure of an event; return how many there are."""
        position = event.position
        key = (position.stream, position.consumer, position.sequence)
        count = self._counts.pop(key, 0) + 1
        self._counts[key] = count
        if len(self._counts) > MAX_EVENTS:
            self._counts.popitem(last=False)
        return count
