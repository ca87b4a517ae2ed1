"""RelayOutbox: bring what the outbox holds to the broker."""

from datetime import timedelta
from typing import Final

from attrs import frozen

from application.ports.event_publisher import EventPublisher, OutboxEntry, OutboxQueue

# How long a relay that died holds the others up; a batch takes milliseconds. Of one that only hangs
# the next one repeats the batch, under the same ids, which the broker knows.
LEASE: Final = timedelta(seconds=3)


@frozen
class RelayOutbox:
    """Publish in order, order by order, then mark; what is not surely stored is sent again."""

    outbox: OutboxQueue
    publisher: EventPublisher
    name: str
    """Which relay this is: unique to the process."""

    async def run_once(self, limit: int = 256) -> int:
        """Relay at most so many events; how many were relayed or parked.

        Raises:
            BrokerUnavailable, StorageUnavailable: nothing is lost; try again later.
        """
        waiting = list(await self.outbox.take(self.name, LEASE, limit))
        done = 0
        while waiting:
            first, rest = _first_of_each_order(waiting)
            published = await self.publisher.publish(first)
            if published.refused:
                await self.outbox.park(published.refused)
            await self.outbox.mark_sent(published.stored)
            gone = published.stored | published.refused.keys()
            done += len(gone)
            held_up = {each.event.order_id for each in first if each.event.id not in gone}
            waiting = [each for each in rest if each.event.order_id not in held_up]
        return done

    async def leave(self) -> None:
        """Give the lease back, so that another relay need not wait for its end.

        Raises:
            StorageUnavailable: it ends by itself.
        """
        await self.outbox.take(self.name, timedelta(0), 0)


def _first_of_each_order(
    entries: list[OutboxEntry],
) -> tuple[list[OutboxEntry], list[OutboxEntry]]:
    """Split off what may be published at once without one order's events overtaking each other."""
    seen: set[str] = set()
    first: list[OutboxEntry] = []
    rest: list[OutboxEntry] = []
    for entry in entries:
        (rest if entry.event.order_id in seen else first).append(entry)
        seen.add(entry.event.order_id)
    return first, rest
