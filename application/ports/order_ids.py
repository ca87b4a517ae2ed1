"""OrderIds: which order something belongs to that is found by its id alone."""

from typing import Protocol

from domain.identifiers import OrderId


class OrderIds(Protocol):
    """Finds the orders of refunds and disputes.

    Promises, checked by tests/contracts/order_ids.py on every adapter: what is stored is found, and
    the cost does not depend on how much is stored.
    """

    async def of_refund_or_dispute(self, any_id: str) -> OrderId | None:
        """Return the order that has a refund or a dispute with this id; None if none has.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
