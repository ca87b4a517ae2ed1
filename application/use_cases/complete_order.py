"""CompleteOrder: the orders service's side of `payment:created`."""

from collections.abc import Iterable

from attrs import frozen

from application.ports.stream_positions import EventPosition
from application.ports.unit_of_work import UnitOfWork
from application.retry import RetryOnConflict
from domain.claim import OrderNotFound
from domain.identifiers import OrderId


@frozen
class CompleteOrder:
    """Mark an order complete once it has been paid."""

    retry: RetryOnConflict

    async def __call__(self, order_id: OrderId, positions: Iterable[EventPosition] = ()) -> None:
        """Complete an order; a cancelled order stays cancelled, and repeating it changes nothing.

        The same commit records the positions of the events that say so.

        Raises:
            OrderNotFound: the order is not known yet; try again later.
            StorageUnavailable: nothing is known to be written.
        """

        read_to = list(positions)

        async def decision(work: UnitOfWork) -> None:
            order = await work.orders.get(order_id)
            if order is None:
                raise OrderNotFound(order_id)
            for position in read_to:
                work.positions.advance(position)
            completed = order.complete()
            if completed != order:
                work.orders.save(completed)

        await self.retry(decision)
