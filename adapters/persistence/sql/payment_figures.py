"""Counts of payments on PostgreSQL."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from attrs import frozen
from sqlalchemy import DateTime, bindparam, func, literal_column, select

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.mappers.payments import payment_status
from adapters.persistence.sql.statement import Statement
from adapters.persistence.sql.tables import payments
from application.ports.payment_figures import PaymentCount

_MOMENT: Final = DateTime(timezone=True)
_HOUR: Final = func.date_trunc(
    literal_column("'hour'"), payments.c.created_at, literal_column("'UTC'")
).label("hour")
_GROUP: Final = (_HOUR, payments.c.status, payments.c.code)

# The index of block ranges finds the period.
_COUNT: Final = Statement.of(
    select(*_GROUP, func.count())
    .where(
        payments.c.created_at >= bindparam("since", type_=_MOMENT),
        payments.c.created_at < bindparam("until", type_=_MOMENT),
    )
    .group_by(literal_column("1"), literal_column("2"), literal_column("3"))
)


@frozen
class SqlPaymentFigures:
    """Counts in one statement."""

    _database: Database

    async def count(self, since: datetime, until: datetime) -> Sequence[PaymentCount]:
        rows = await self._database.run(_COUNT, since=since, until=until)
        return [
            PaymentCount(hour.astimezone(UTC), payment_status(status), code, number)
            for hour, status, code, number in rows
        ]
