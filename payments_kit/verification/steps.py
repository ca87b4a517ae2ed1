"""Steps: the entries of some orders, and what is in the books after them."""

from collections.abc import Iterator, Mapping, Sequence

from attrs import frozen

from payments_kit.simulation.model.records import BookedOrder, BookedPayment
from payments_kit.verification.books import Step


@frozen
class Steps:
    """The steps of some orders, by order."""

    by_order: Mapping[str, Sequence[Step]]

    def __iter__(self) -> Iterator[Step]:
        """Yield all steps."""
        return (step for steps in self.by_order.values() for step in steps)

    @property
    def orders(self) -> list[BookedOrder]:
        """What is in the books in the end."""
        return [steps[-1].after for steps in self.by_order.values()]

    @property
    def payments(self) -> list[BookedPayment]:
        """All their payments, as they are in the end."""
        return [payment for order in self.orders for payment in order.payments]
