"""ReplicateOrder: keep our replica of the orders up to date."""

from collections.abc import Iterable

from attrs import frozen

from application.ports.clock import Clock
from application.ports.stream_positions import EventPosition
from application.ports.unit_of_work import UnitOfWork
from application.retry import RetryOnConflict
from domain.order import Order
from domain.replica import OrderReplica


@frozen
class ReplicateOrder:
    """Apply order events; a batch of any size takes one read and one write."""

    retry: RetryOnConflict
    now: Clock

    async def __call__(
        self, events: Iterable[OrderReplica], positions: Iterable[EventPosition] = ()
    ) -> None:
        """Merge the events into the replicas; duplicates and reordering change nothing.

        The same commit records the events' positions in their streams.

        Raises:
            StorageUnavailable: nothing is known to be written.
        """
        batch, read_to = list(events), list(positions)
        await self.retry(lambda work: self._apply(work, batch, read_to))

    async def _apply(
        self, work: UnitOfWork, events: list[OrderReplica], positions: list[EventPosition]
    ) -> None:
        for position in positions:
            work.positions.advance(position)
        # Not a set: its order differs from process to process, and a run could not be replayed.
        order_ids = list(dict.fromkeys(event.id for event in events))
        before = dict(await work.orders.get_many(order_ids))
        after = dict(before)
        for event in events:
            known = after.get(event.id)
            after[event.id] = Order(event) if known is None else known.apply(event, self.now())
        for order_id, order in after.items():
            if order != before.get(order_id):
                work.orders.save(order)
