"""ReplicateOrder: keep our replica of the orders."""

from collections.abc import Iterable

from attrs import frozen

from application.decide import Decide
from application.ports.clock import Clock
from application.ports.unit_of_work import UnitOfWork
from domain.bill import Bill
from domain.order import Order


@frozen
class ReplicateOrder:
    """Learn what `order:created` events say; a batch of any size in one read and one write."""

    decide: Decide
    now: Clock

    async def __call__(self, events: Iterable[Order]) -> None:
        """Merge what was heard into the replicas; repeating it, or mixing the order, changes nothing.

        Raises:
            StorageUnavailable: nothing of it is known to be kept.
        """
        heard = list(events)
        await self.decide(lambda work: self._hear(work, heard))

    async def _hear(self, work: UnitOfWork, heard: list[Order]) -> None:
        # No set: its order differs from process to process, and a run could not be replayed.
        before = dict(await work.bills.of(list(dict.fromkeys(event.id for event in heard))))
        after = dict(before)
        for event in heard:
            after[event.id] = after.get(event.id, Bill(event)).hear(event, self.now())
        for order_id, bill in after.items():
            if bill != before.get(order_id):
                work.bills.save(bill)
