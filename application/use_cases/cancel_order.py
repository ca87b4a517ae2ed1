"""CancelOrder: a cancelled order is never paid, and keeps no money."""

from collections.abc import Iterable

from attrs import frozen

from application.use_cases.replicate_order import ReplicateOrder
from domain.order import Order, OrderId


@frozen
class OrderCancellation:
    """What an `order:cancelled` event says."""

    order_id: OrderId
    version: int


@frozen
class CancelOrder:
    """Learn of cancellations, also of orders not heard of yet, and give back what was taken.

    The refund is reserved in the transaction that cancels the order; RecoverPayments sends it.
    """

    replicate: ReplicateOrder

    async def __call__(self, cancelled: Iterable[OrderCancellation]) -> None:
        """Cancel the orders; repeating it changes nothing.

        Raises:
            StorageUnavailable: nothing of it is known to be kept.
        """
        await self.replicate(Order.cancelled(each.order_id, each.version) for each in cancelled)
