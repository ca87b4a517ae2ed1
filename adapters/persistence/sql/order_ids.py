"""The orders of refunds and disputes, on PostgreSQL."""

from typing import Final

from attrs import frozen
from sqlalchemy import Text, bindparam, select, union_all

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.statement import Statement
from adapters.persistence.sql.tables import disputes, refunds
from domain.identifiers import OrderId

_ID: Final = bindparam("any_id", type_=Text)
_FIND: Final = Statement.of(
    union_all(
        *(select(each.c.order_id).where(each.c.id == _ID) for each in (refunds, disputes)),
    )
)


@frozen
class SqlOrderIds:
    """Reads the primary keys in one statement."""

    _database: Database

    async def of_refund_or_dispute(self, any_id: str) -> OrderId | None:
        rows = await self._database.run(_FIND, any_id=any_id)
        return OrderId(rows[0][0]) if rows else None
