"""CancelOrder: a cancelled order is never paid, and keeps no money."""

from collections.abc import Iterable

from attrs import frozen

from application.ports.stream_positions import EventPosition
from application.use_cases.replicate_order import ReplicateOrder
from domain.identifiers import OrderId
from domain.replica import OrderReplica


@frozen
class OrderCancellation:
    """The content of an `order:cancelled` event."""

    order_id: OrderId
    version: int


@frozen
class CancelOrder:
    """Apply cancellations, also of unknown orders, and give back what was captured.

    The refund is reserved in the commit that cancels the order; RecoverPayments sends it.
    """

    replicate: ReplicateOrder

    async def __call__(
        self, cancellations: Iterable[OrderCancellation], positions: Iterable[EventPosition] = ()
    ) -> None:
        """Cancel the orders; repeating it changes nothing.

        The same commit records the events' positions in their streams.

        Raises:
            StorageUnavailable: nothing is known to be written.
        """
        await self.replicate(
            (OrderReplica.cancelled(each.order_id, each.version) for each in cancellations),
            positions,
        )
