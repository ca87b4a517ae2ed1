"""Counts of payments in memory."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from attrs import frozen

from adapters.persistence.in_memory.tables import InMemoryTables
from application.ports.payment_figures import PaymentCount


@frozen
class InMemoryPaymentFigures:
    """Counts all payments of an in-memory database."""

    _database: InMemoryTables

    async def count(self, since: datetime, until: datetime) -> Sequence[PaymentCount]:
        await self._database.checkpoint("count payments")
        stored = (each for _, order in self._database.orders.values() for each in order.payments)
        counts = Counter(
            (_hour(each.created_at), each.status, each.code)
            for each in stored
            if since <= each.created_at < until
        )
        return [PaymentCount(*group, number) for group, number in counts.items()]


def _hour(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
