"""The positions in streams of inbound events, on PostgreSQL.

A row is valid only in the copy of the database in which it was written (database_copy.py), and by
the transaction that wrote it: this one differs if the row was loaded from a dump.
"""

from typing import Final

from attrs import frozen
from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    TableValuedAlias,
    Text,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.database_copy import THIS_COPY
from adapters.persistence.sql.statement import Statement
from adapters.persistence.sql.tables import stream_positions as positions
from application.ports.stream_positions import StreamPosition

_TRANSACTION: Final = literal_column("pg_current_xact_id()::xid::text", Text)

# Every statement that writes a row sets these.
_WRITER: Final = {positions.c.server: THIS_COPY, positions.c.written_by: _TRANSACTION}

_IS_CURRENT: Final[ColumnElement[bool]] = and_(
    positions.c.server == THIS_COPY,
    positions.c.written_by == literal_column("stream_positions.xmin::text", Text),
)

_KEY: Final[ColumnElement[bool]] = and_(
    positions.c.stream == bindparam("stream", type_=Text),
    positions.c.consumer == bindparam("consumer", type_=Text),
)

_READ: Final = Statement.of(
    select(
        *positions.c["stream_id", "consumer_id", "applied", "applied_at", "floor"], _IS_CURRENT
    ).where(_KEY)
)

_COPY: Final = Statement.of(select(THIS_COPY))

_BOUND: Final = positions.c["stream", "consumer", "stream_id", "consumer_id", "floor"]

# Nothing is inserted or updated in another copy than the one that was read.
_NEW: Final = insert(positions).from_select(
    [*_BOUND.keys(), "applied", "server", "written_by"],
    select(
        *(bindparam(column.name, type_=column.type) for column in _BOUND),
        *(literal_column("0"), THIS_COPY, _TRANSACTION),
    ).where(bindparam("copy", type_=Text) == THIS_COPY),
)

_IS_SAME_STREAM: Final = positions.c.stream_id == _NEW.excluded.stream_id

_BIND: Final = Statement.of(
    _NEW.on_conflict_do_update(
        index_elements=[positions.c.stream, positions.c.consumer],
        set_={
            "stream_id": _NEW.excluded.stream_id,
            "consumer_id": _NEW.excluded.consumer_id,
            "applied": case((_IS_SAME_STREAM, positions.c.applied), else_=literal_column("0")),
            "applied_at": case((_IS_SAME_STREAM, positions.c.applied_at)),
            "floor": _NEW.excluded.floor,
            "server": THIS_COPY,
            "written_by": _TRANSACTION,
        },
    ).returning(positions.c.stream)
)

_RAISE_FLOOR: Final = Statement.of(
    update(positions)
    .where(_KEY, positions.c.consumer_id == bindparam("consumer_id", type_=Text), _IS_CURRENT)
    .values(
        {positions.c.floor: func.greatest(positions.c.floor, bindparam("floor", type_=BigInteger))}
        | _WRITER
    )
)


def advance(given: TableValuedAlias) -> CTE:
    """Return an UPDATE of the positions that are current; it returns the stream of each.

    `given` has the columns stream, consumer, applied and applied_at.
    """
    is_later = given.c.applied > positions.c.applied
    return (
        update(positions)
        .where(
            positions.c.stream == given.c.stream,
            positions.c.consumer == given.c.consumer,
            _IS_CURRENT,
        )
        .values(
            {
                positions.c.applied: func.greatest(positions.c.applied, given.c.applied),
                positions.c.applied_at: case(
                    (is_later, given.c.applied_at), else_=positions.c.applied_at
                ),
            }
            | _WRITER
        )
        .returning(positions.c.stream)
        .cte("advanced_positions")
    )


@frozen
class SqlStreamPositions:
    """Reads and binds positions; SqlUnitOfWork advances them."""

    _database: Database

    async def copy(self) -> str:
        [(copy,)] = await self._database.run(_COPY)
        return str(copy)

    async def read(self, stream: str, consumer: str) -> StreamPosition | None:
        rows = await self._database.run(_READ, stream=stream, consumer=consumer)
        return StreamPosition(*rows[0]) if rows else None

    async def bind(
        self, copy: str, stream: str, consumer: str, stream_id: str, consumer_id: str, floor: int
    ) -> bool:
        bound = await self._database.run(
            _BIND,
            copy=copy,
            stream=stream,
            consumer=consumer,
            stream_id=stream_id,
            consumer_id=consumer_id,
            floor=floor,
        )
        return bool(bound)

    async def raise_floor(self, stream: str, consumer: str, consumer_id: str, floor: int) -> None:
        await self._database.run(
            _RAISE_FLOOR, stream=stream, consumer=consumer, consumer_id=consumer_id, floor=floor
        )
