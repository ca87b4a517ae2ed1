"""What is stored about one user, on PostgreSQL."""

from collections.abc import Mapping
from typing import Final

from attrs import frozen
from sqlalchemy import text

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.retention import BATCH
from adapters.persistence.sql.statement import Rows, Statement
from application.ports.personal_data import OrdersOfUser
from domain.identifiers import OrderId, UserId

# No index has the user: it would be written with every order, and a user is forgotten rarely. So
# all orders are read once, so many at a time, which takes a few milliseconds.
_PAGE: Final = 1_000

_ORDERS: Final = Statement.of(
    text(
        f"""
        WITH page AS MATERIALIZED (
            SELECT id, user_id FROM orders WHERE id > :after ORDER BY id LIMIT {_PAGE}
        )
        SELECT max(id), count(*), array_agg(id ORDER BY id) FILTER (
            WHERE user_id = :user_id OR EXISTS (
                SELECT FROM payments WHERE order_id = page.id AND user_id = :user_id
            )
        ) FROM page
        """  # noqa: S608 - constants
    )
)

_REPLIES: Final = "idempotency_keys WHERE user_id = :user_id"
_DECLINES: Final = "declines WHERE source = 'user:' || :user_id"

_COUNT: Final = Statement.of(
    text(
        f"SELECT (SELECT count(*) FROM {_REPLIES}), (SELECT count(*) FROM {_DECLINES})"  # noqa: S608
    )
)
# As in retention.py: rows are deleted by their address, which an index has found.
_DELETE: Final = Statement.of(
    text(
        f"""
        WITH replies AS (
            DELETE FROM idempotency_keys WHERE ctid = ANY (ARRAY(
                SELECT ctid FROM {_REPLIES} ORDER BY key LIMIT {BATCH} FOR UPDATE
            )) RETURNING 1
        ), declined AS (
            DELETE FROM declines WHERE ctid = ANY (ARRAY(
                SELECT ctid FROM {_DECLINES} ORDER BY at LIMIT {BATCH} FOR UPDATE
            )) RETURNING 1
        )
        SELECT (SELECT count(*) FROM replies), (SELECT count(*) FROM declined)
        """  # noqa: S608 - constants
    )
)


@frozen
class SqlPersonalData:
    """Finds and deletes what the tables have of one user."""

    _database: Database

    async def find_orders(self, user_id: UserId, after: OrderId | None = None) -> OrdersOfUser:
        rows = await self._database.run(_ORDERS, user_id=user_id, after=after or "")
        [(last, read, found)] = rows
        return OrdersOfUser(
            [OrderId(each) for each in found or ()], OrderId(last) if read == _PAGE else None
        )

    async def count_rows(self, user_id: UserId) -> Mapping[str, int]:
        return _by_name(await self._database.run(_COUNT, user_id=user_id))

    async def delete_rows(self, user_id: UserId) -> Mapping[str, int]:
        total = {"replies": 0, "declines": 0}
        while True:
            deleted = _by_name(await self._database.run(_DELETE, user_id=user_id))
            total = {name: total[name] + count for name, count in deleted.items()}
            if max(deleted.values()) < BATCH:
                return total


def _by_name(rows: Rows) -> Mapping[str, int]:
    [(replies, declined)] = rows
    return {"replies": replies, "declines": declined}
