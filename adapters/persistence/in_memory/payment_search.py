"""Search payments in memory."""

from collections.abc import Sequence

from attrs import asdict, frozen

from adapters.persistence.in_memory.tables import InMemoryTables
from application.ports.payment_search import PaymentFilter, PlaceInList
from domain.payment import Payment


@frozen
class InMemoryPaymentSearch:
    """Reads all payments of an in-memory database."""

    _database: InMemoryTables

    async def page(
        self, wanted: PaymentFilter, limit: int, after: PlaceInList | None = None
    ) -> Sequence[Payment]:
        await self._database.checkpoint("search payments")
        stored = (each for _, order in self._database.orders.values() for each in order.payments)
        found = sorted(
            (each for each in stored if _is_wanted(each, wanted)),
            key=lambda each: (each.created_at, each.id),
            reverse=True,
        )
        if after is not None:
            place = after.created_at, after.payment_id
            found = [each for each in found if (each.created_at, each.id) < place]
        return found[:limit]


def _is_wanted(payment: Payment, wanted: PaymentFilter) -> bool:
    if wanted.since is not None and payment.created_at < wanted.since:
        return False
    if wanted.until is not None and payment.created_at >= wanted.until:
        return False
    return all(
        value is None or getattr(payment, name) == value
        for name, value in asdict(wanted).items()
        if name not in ("since", "until")
    )
