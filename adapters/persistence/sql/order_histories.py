"""The histories of orders on PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

from attrs import frozen
from sqlalchemy import ARRAY, BigInteger, Text, bindparam, func, literal_column, select
from sqlalchemy.dialects.postgresql import distinct_on

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.statement import Statement
from adapters.persistence.sql.tables import order_history
from application.ports.order_histories import PAGE
from domain.history import GENESIS, HistoryEntry, HistoryHead, content_of
from domain.identifiers import OrderId
from domain.order_changes import moment

# One entry more than asked for: the hash of an entry is what the next one has as `prev`, and rows
# from before migration 0027 do not say it themselves.
_ENTRIES: Final = Statement.of(
    select(*order_history.c["seq", "hash", "content", "at", "who", "why", "change"])
    .where(
        order_history.c.order_id == bindparam("order_id", type_=Text),
        order_history.c.seq >= bindparam("first", type_=BigInteger),
    )
    .order_by(order_history.c.seq)
    .limit(bindparam("limit", type_=BigInteger))
)

_ENDS: Final = Statement.of(
    select(*order_history.c["order_id", "seq", "hash"])
    .ext(distinct_on(order_history.c.order_id))
    .where(order_history.c.order_id == func.any(bindparam("order_ids", type_=ARRAY(Text))))
    .order_by(order_history.c.order_id, order_history.c.seq.desc())
)

# When an entry was made, as a text that is sorted by time: its content begins with `{"at":"`.
_AT: Final = literal_column(
    "coalesce(substr(content, 8, 32), to_char(at AT TIME ZONE 'UTC', "
    '\'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"\')) COLLATE "C"',
    Text,
)

# The order of the primary key: a page begins where the one before it has ended.
_CHANGED: Final = Statement.of(
    select(order_history.c.order_id)
    .distinct()
    .where(
        order_history.c.order_id > bindparam("after", type_=Text),
        bindparam("since", type_=Text) <= _AT,
        bindparam("until", type_=Text) > _AT,
    )
    .order_by(order_history.c.order_id)
    .limit(bindparam("limit", type_=BigInteger))
)

# No order that is stored has this revision.
_NO_REVISION: Final = 0


async def stored_ends(
    database: Database, order_ids: Collection[OrderId]
) -> Mapping[OrderId, HistoryHead]:
    """Return where the stored histories of these orders end, whatever the orders' rows say.

    Raises:
        StorageUnavailable: the database cannot be reached.
    """
    rows = await database.run(_ENDS, order_ids=sorted(order_ids))
    return {
        OrderId(order_id): HistoryHead(seq, digest.hex(), _NO_REVISION)
        for order_id, seq, digest in rows
    }


@frozen
class SqlOrderHistories:
    """Reads what the units of work have appended."""

    _database: Database

    async def read(
        self, order_id: OrderId, after: int = 0, limit: int = PAGE
    ) -> Sequence[HistoryEntry]:
        rows = await self._database.run(_ENTRIES, order_id=order_id, first=after, limit=limit + 1)
        prev, entries = GENESIS, list[HistoryEntry]()
        for seq, digest, content, at, who, why, change in rows:
            if seq > after and len(entries) < limit:
                parts = (at, who, why, change)
                hashed = content_of(seq, *parts, prev) if content is None else content
                entries.append(HistoryEntry(seq, hashed, digest.hex()))
            prev = digest.hex()
        return entries

    async def changed(
        self, since: datetime, until: datetime, after: str = "", limit: int = PAGE
    ) -> Sequence[OrderId]:
        rows = await self._database.run(
            _CHANGED, since=moment(since), until=moment(until), after=after, limit=limit
        )
        return [OrderId(order_id) for (order_id,) in rows]
