"""CompleteOrder: the orders side of `payment:created`."""

from attrs import frozen

from application.decide import Decide
from application.ports.unit_of_work import UnitOfWork
from domain.bill import OrderNotFound
from domain.order import OrderId


@frozen
class CompleteOrder:
    """Mark an order complete once it has been paid; the seed's last step."""

    decide: Decide

    async def __call__(self, order_id: OrderId) -> None:
        """Complete it; a cancelled order stays cancelled, and hearing it twice changes nothing.

        Raises:
            OrderNotFound: never heard of; to be tried again later.
            StorageUnavailable: nothing is known to be written.
        """

        async def decision(work: UnitOfWork) -> None:
            bill = (await work.bills.of([order_id])).get(order_id)
            if bill is None:
                raise OrderNotFound(order_id)
            completed = bill.complete()
            if completed != bill:
                work.bills.save(completed)

        await self.decide(decision)
