"""The commit of one order that was read: statements that write only what has changed.

The commit of a batch (`statements.commit`) writes any number of rows, so it sets every column, and
counts in a function how many rows its guards allowed. Here, everything follows from one UPDATE of
the order: if its guard rejects it, nothing else is written, and no row is returned. As only changed
columns are set, an order keeps its index entries (a HOT update).
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import compress
from operator import itemgetter, ne
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Table,
    Update,
    bindparam,
    exists,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import Insert, insert

from adapters.persistence.sql.mappers.values import Values
from adapters.persistence.sql.outbox_signal import WAKE_RELAY
from adapters.persistence.sql.requests import (
    Change,
    SqlRequests,
    change_of_request,
    insert_request,
)
from adapters.persistence.sql.statement import (
    ALONE,
    NUMBER_IN_GROUP,
    WITHIN_LOCK_TIMEOUT,
    Statement,
)
from adapters.persistence.sql.statements import WRITTEN
from adapters.persistence.sql.tables import (
    disputes,
    inbox,
    order_history,
    orders,
    outbox,
    payments,
    refunds,
)
from domain.capture import CaptureMode

_REVISION_READ: Final = "revision_read"

# A commit writes at most so many rows of these tables; others are written as a batch. The order of
# two changed payments would matter: a unique index allows one live payment of an order.
_MOST: Final = {
    orders: 1,
    payments: 1,
    refunds: 1,
    disputes: 1,
    outbox: 2,
    inbox: 1,
    order_history: 2,
}

# What the migrations have set as the columns' defaults; a test compares them with the tables.
DEFAULTS: Final[Mapping[Table, Mapping[str, Any]]] = {
    payments: {"capture_mode": CaptureMode.AUTOMATIC.value, "capture_attempt": 0}
}

# A row as the database would set it by itself.
_UNSET: Final = {
    table: tuple(DEFAULTS.get(table, {}).get(column) for column in WRITTEN[table])
    for table in _MOST
}

# Parameters that always have the value of a column of the order, so they are sent once.
_OF_ORDER: Final = {
    **{(table, "order_id"): "id" for table in (payments, refunds, disputes, order_history)},
    (order_history, "seq"): "history_seq",
    (order_history, "hash"): "history_hash",
}

# The service has about thirty shapes. Each is prepared once for each connection.
_MAX_SHAPES: Final = 64


_Shape = tuple[Table, int, bool, bytes]
"""The fields of a _Write, as each commit looks it up: it is made only once."""


class _Write(NamedTuple):
    """One row to write, without its values."""

    table: Table
    number: int
    """Tells the rows of one table apart; the last one has 0."""
    is_new: bool
    is_written: bytes
    """For each column 1 if it is written, else 0: of a new row, if the database would set it so."""

    @property
    def columns(self) -> Sequence[str]:
        """The columns to write."""
        return list(compress(WRITTEN[self.table], self.is_written))

    def parameter(self, column: str) -> ColumnElement[Any]:
        """Return the parameter of a column."""
        name = _name(self.table, self.number, column)
        # The order has the number and the hash of its last entry. The one before has its own.
        if (same := _OF_ORDER.get((self.table, column))) and self.number == 0:
            name = _name(orders, 0, same)
        return bindparam(name, type_=self.table.c[column].type)


Before = Mapping[Table, Mapping[str, Values]]
"""The rows that were read, by id."""

_NONE_KNOWN: Final[Mapping[str, Values]] = {}

Prepared = tuple[Statement, tuple[Any, ...]]
"""A statement and its parameters."""


def commit_of(
    rows: Mapping[Table, Sequence[Values]], before: Before, requests: SqlRequests
) -> Prepared | None:
    """Return the statement that writes these rows.

    It returns no row if there is a conflict. None if the rows must be written as a batch: they are
    not those of one order that was read, or a request may take over another one.
    """
    [read] = before[orders].values()
    if [row[0] for row in rows.get(orders, ())] != [read[0]]:
        return None
    if requests.change is Change.BEGIN and not requests.is_new:
        return None
    shapes: list[_Shape] = []
    values: list[Any] = []
    for table, each in rows.items():
        number = len(each)
        if number > _MOST.get(table, 0):
            return None
        known = before.get(table, _NONE_KNOWN)
        for row in each:
            number -= 1
            old = known.get(row[0])
            is_written = bytes(map(ne, row, _UNSET[table] if old is None else old))
            shapes.append((table, number, old is None, is_written))
            values += row
    values += (read[1], *requests.values.values(), *ALONE.values())
    statement, parameters = _prepared(tuple(shapes), requests.change, tuple(requests.values))
    return statement, parameters(values)


def _name(table: Table, number: int, column: str) -> str:
    return f"{table.name}_{number}_{column}"


@lru_cache(maxsize=_MAX_SHAPES)
def _prepared(
    shapes: tuple[_Shape, ...], request: Change | None, request_names: tuple[str, ...]
) -> tuple[Statement, Callable[[Sequence[Any]], tuple[Any, ...]]]:
    """Return the statement of this shape, and what picks its parameters from all values."""
    writes = tuple(_Write(*shape) for shape in shapes)
    names = [
        _name(each.table, each.number, column) for each in writes for column in WRITTEN[each.table]
    ]
    names += (_REVISION_READ, *request_names, *ALONE)
    statement = _statement(writes, request)
    return statement, itemgetter(*(names.index(name) for name in statement.names))


def _statement(writes: tuple[_Write, ...], request: Change | None) -> Statement:
    first, *others = writes
    order = (
        update(orders)
        .where(
            orders.c.id == first.parameter("id"),
            orders.c.revision == bindparam(_REVISION_READ, type_=BigInteger),
            WITHIN_LOCK_TIMEOUT,
        )
        .values({name: first.parameter(name) for name in first.columns})
        .returning(literal_column("1").label("one"))
        .cte("written_order")
    )
    parts = [_part(each, order).cte(f"written_{each.table.name}_{each.number}") for each in others]
    if request is Change.BEGIN:
        parts.append(insert_request(order).cte("begun_request"))
    elif request is not None:
        ended = change_of_request(request).where(exists(select(order)))
        parts.append(ended.cte("ended_request"))
    wake = [WAKE_RELAY] if any(each.table is outbox for each in writes) else []
    return Statement.of(
        select(order, *wake, NUMBER_IN_GROUP).add_cte(*parts), lock=_name(orders, 0, "id")
    )


def _part(write: _Write, order: CTE) -> Insert | Update:
    """Write a row if the order was written."""
    table = write.table
    if not write.is_new:
        values = {name: write.parameter(name) for name in write.columns}
        is_row = table.c.id == write.parameter("id")
        return update(table).where(is_row, exists(select(order))).values(values)
    row = select(*(write.parameter(name) for name in write.columns)).select_from(order)
    statement = insert(table).from_select(list(write.columns), row)
    # An event that exists already changes nothing; any other row that exists is a conflict.
    if table is outbox:
        return statement.on_conflict_do_nothing(index_elements=[table.c.id])
    return statement
