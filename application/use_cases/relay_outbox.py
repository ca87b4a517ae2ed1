"""RelayOutbox: publish the events in the outbox."""

from datetime import timedelta
from typing import Final

from attrs import frozen

from application.ports.alerts import Alerts
from application.ports.event_publisher import (
    BrokerUnsuitable,
    EventPublisher,
    OutboxEntry,
    OutboxQueue,
    PublishResult,
)

# How long a crashed relay blocks the others; a batch takes milliseconds. If a relay is only slow,
# the next one repeats its batch under the same ids, and the broker removes the duplicates.
LEASE: Final = timedelta(seconds=3)


@frozen
class RelayOutbox:
    """Publish in order for each order, then mark as sent; anything not confirmed is sent again."""

    outbox: OutboxQueue
    publisher: EventPublisher
    name: str
    """The name of this relay, unique to the process."""
    alerts: Alerts

    async def run_once(self, limit: int = 256) -> int:
        """Relay at most `limit` events; return how many were published or parked.

        Raises:
            BrokerUnavailable, StorageUnavailable: nothing is lost; try again later.
        """
        waiting = list(await self.outbox.take(self.name, LEASE, limit))
        done = 0
        while waiting:
            first, rest = _first_of_each_order(waiting)
            result = await self._publish(first)
            if result.rejected:
                await self.outbox.park(result.rejected)
            await self.outbox.mark_sent(result.stored)
            finished = result.stored | result.rejected.keys()
            done += len(finished)
            blocked = {each.event.order_id for each in first if each.event.id not in finished}
            waiting = [each for each in rest if each.event.order_id not in blocked]
        return done

    async def _publish(self, entries: list[OutboxEntry]) -> PublishResult:
        try:
            return await self.publisher.publish(entries)
        except BrokerUnsuitable as unsuitable:
            await self.alerts.report(unsuitable.kind, unsuitable.subject, str(unsuitable))
            raise

    async def release_lease(self) -> None:
        """End the lease, so that another relay can start at once.

        Raises:
            StorageUnavailable: the lease ends by itself.
        """
        await self.outbox.take(self.name, timedelta(0), 0)


def _first_of_each_order(
    entries: list[OutboxEntry],
) -> tuple[list[OutboxEntry], list[OutboxEntry]]:
    """Separate the entries that may be published at once without reordering any order's events."""
    seen: set[str] = set()
    first: list[OutboxEntry] = []
    rest: list[OutboxEntry] = []
    for entry in entries:
        (rest if entry.event.order_id in seen else first).append(entry)
        seen.add(entry.event.order_id)
    return first, rest
