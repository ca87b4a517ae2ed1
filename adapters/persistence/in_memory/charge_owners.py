"""The payments of charges, in memory."""

from collections.abc import Collection, Mapping

from attrs import frozen

from adapters.persistence.in_memory.tables import InMemoryTables
from domain.identifiers import ChargeId
from domain.ledger import Owner


@frozen
class InMemoryChargeOwners:
    """Reads all orders."""

    _database: InMemoryTables

    async def find(
        self, gateway: str, livemode: bool, charge_ids: Collection[ChargeId]
    ) -> Mapping[ChargeId, Owner]:
        await self._database.checkpoint("find owners")
        return {
            payment.charge_id: Owner(payment.order_id, payment.id)
            for _, order in self._database.orders.values()
            for payment in order.payments
            if payment.charge_id in charge_ids and payment.is_at(gateway, livemode)
            if payment.charge_id is not None
        }
