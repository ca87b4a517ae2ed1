"""Pages of payments and refunds in memory."""

from collections.abc import Sequence
from datetime import datetime

from attrs import frozen

from adapters.persistence.in_memory.tables import InMemoryTables
from application.ports.payment_pages import MAX_PAYMENTS, Position, RefundPosition
from domain.payment import Payment
from domain.refund import Refund, RefundStatus


@frozen
class InMemoryPaymentPages:
    """Reads every order."""

    _database: InMemoryTables

    async def page(
        self,
        gateway: str,
        livemode: bool,
        since: datetime,
        until: datetime,
        after: Position | None,
    ) -> Sequence[Payment]:
        await self._database.checkpoint("read payments")
        found = [
            payment
            for _, order in self._database.orders.values()
            for payment in order.payments
            if payment.is_at(gateway, livemode)
            and payment.charge_id is not None
            and since <= payment.created_at < until
            and (after is None or (payment.created_at, payment.id) > after)
        ]
        return sorted(found, key=lambda each: (each.created_at, each.id))[:MAX_PAYMENTS]

    async def refunds(
        self,
        gateway: str,
        livemode: bool,
        since: datetime,
        until: datetime,
        after: RefundPosition | None,
    ) -> Sequence[Refund]:
        await self._database.checkpoint("read refunds")
        found = [
            refund
            for _, order in self._database.orders.values()
            for refund in order.refunds
            if order.payment(refund.payment_id).is_at(gateway, livemode)
            and refund.status is RefundStatus.SUCCEEDED
            and since <= refund.created_at < until
            and (after is None or (refund.created_at, refund.id) > after)
        ]
        return sorted(found, key=lambda each: (each.created_at, each.id))[:MAX_PAYMENTS]
