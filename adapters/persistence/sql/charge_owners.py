"""The payments of charges, on PostgreSQL."""

from collections.abc import Collection, Mapping

from attrs import frozen
from sqlalchemy import Boolean, Text, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.expression import any_

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.statement import Statement
from adapters.persistence.sql.tables import payments
from domain.identifiers import ChargeId
from domain.ledger import Owner

_FIND = Statement.of(
    select(payments.c.charge_id, payments.c.order_id, payments.c.id).where(
        payments.c.charge_id == any_(bindparam("charge_ids", type_=ARRAY(Text))),
        payments.c.gateway == bindparam("gateway", type_=Text),
        payments.c.livemode == bindparam("livemode", type_=Boolean),
    )
)


@frozen
class SqlChargeOwners:
    """One statement for each page of charges."""

    _database: Database

    async def find(
        self, gateway: str, livemode: bool, charge_ids: Collection[ChargeId]
    ) -> Mapping[ChargeId, Owner]:
        if not charge_ids:
            return {}
        rows = await self._database.run(
            _FIND, charge_ids=list(charge_ids), gateway=gateway, livemode=livemode
        )
        return {charge_id: Owner(order_id, payment_id) for charge_id, order_id, payment_id in rows}
