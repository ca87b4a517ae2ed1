"""Pages of payments, each read in one statement."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from attrs import frozen
from sqlalchemy import Boolean, DateTime, Text, bindparam, literal_column, select, tuple_

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.mappers.orders import payment_from
from adapters.persistence.sql.statement import Statement
from adapters.persistence.sql.tables import payments
from application.ports.payment_pages import MAX_PAYMENTS, Position
from domain.identifiers import PaymentId
from domain.payment import Payment

_MOMENT: Final = DateTime(timezone=True)

# `created_at` has an index of block ranges, which costs a charge nothing.
_PAGE: Final = Statement.of(
    select(payments)
    .where(
        payments.c.gateway == bindparam("gateway", type_=Text),
        payments.c.livemode == bindparam("livemode", type_=Boolean),
        payments.c.charge_id.is_not(None),
        payments.c.created_at >= bindparam("since", type_=_MOMENT),
        payments.c.created_at < bindparam("until", type_=_MOMENT),
        tuple_(payments.c.created_at, payments.c.id)
        > tuple_(bindparam("after_at", type_=_MOMENT), bindparam("after_id", type_=Text)),
    )
    .order_by(payments.c.created_at, payments.c.id)
    .limit(literal_column(str(MAX_PAYMENTS)))
)


@frozen
class SqlPaymentPages:
    """Reads payments on PostgreSQL."""

    _database: Database

    async def page(
        self,
        gateway: str,
        livemode: bool,
        since: datetime,
        until: datetime,
        after: Position | None,
    ) -> Sequence[Payment]:
        after_at, after_id = after or (since, PaymentId(""))
        rows = await self._database.run(
            _PAGE,
            gateway=gateway,
            livemode=livemode,
            since=since,
            until=until,
            after_at=after_at,
            after_id=after_id,
        )
        return [payment_from(*row) for row in rows]
