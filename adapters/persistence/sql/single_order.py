"""The commit of one order that was read: statements that write only what has changed.

The commit of a batch (`statements.commit`) writes any number of rows, so it sets every column, and
counts in a function how many rows its guards allowed. Here, everything follows from one UPDATE of
the order: if its guard rejects it, nothing else is written, and no row is returned. As only changed
columns are set, an order keeps its index entries (a HOT update).
"""

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
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
from adapters.persistence.sql.statement import NUMBER_IN_GROUP, WITHIN_LOCK_TIMEOUT, Statement
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

# The service has about thirty shapes. Each is prepared once for each connection.
_MAX_SHAPES: Final = 64


class _Write(NamedTuple):
    """One row to write, without its values; a tuple, because each commit looks one up."""

    table: Table
    number: int
    """Tells the rows of one table apart."""
    is_new: bool
    columns: tuple[str, ...]
    """The columns to write: of a new row, those that the database would not set so by itself."""

    def parameter(self, column: str) -> ColumnElement[Any]:
        """Return the parameter of a column."""
        position = WRITTEN[self.table].index(column)
        name = _names(self.table, self.number)[position]
        return bindparam(name, type_=self.table.c[column].type)


Before = Mapping[Table, Mapping[str, Values]]
"""The rows that were read, by id."""


def commit_of(
    rows: Mapping[Table, Sequence[Values]], before: Before, requests: SqlRequests
) -> tuple[Statement, dict[str, Any]] | None:
    """Return the statement that writes these rows, with its values and perhaps others.

    It returns no row if there is a conflict. None if the rows must be written as a batch: they are
    not those of one order that was read, or a request may take over another one.
    """
    if any(len(each) > _MOST.get(table, 0) for table, each in rows.items()):
        return None
    if [row[0] for row in rows.get(orders, ())] != list(before[orders]):
        return None
    if requests.change is Change.BEGIN and not requests.is_new:
        return None
    writes: list[_Write] = []
    values = dict(requests.values)
    for table, each in rows.items():
        known = before.get(table, {})
        for number, row in enumerate(each):
            writes.append(_write(table, number, row, known.get(row[0])))
            values.update(zip(_names(table, number), row, strict=True))
    values["revision_read"] = before[orders][rows[orders][0][0]][1]
    return _statement(tuple(writes), requests.change), values


def _write(table: Table, number: int, row: Values, known: Values | None) -> _Write:
    columns = WRITTEN[table]
    if table is order_history:
        return _Write(table, number, True, tuple(columns))  # none of them is ever null
    if known is None:
        defaults = DEFAULTS.get(table, {})
        written = [
            name
            for name, value in zip(columns, row, strict=True)
            if value is not None and (name not in defaults or value != defaults[name])
        ]
        return _Write(table, number, True, tuple(written))
    changed = [name for name, new, old in zip(columns, row, known, strict=True) if new != old]
    return _Write(table, number, False, tuple(changed))


@cache
def _names(table: Table, number: int) -> tuple[str, ...]:
    """Return the names of the parameters of one row, in the order of its values."""
    return tuple(f"{table.name}_{number}_{column}" for column in WRITTEN[table])


@lru_cache(maxsize=_MAX_SHAPES)
def _statement(writes: tuple[_Write, ...], request: Change | None) -> Statement:
    first, *others = writes
    order = (
        update(orders)
        .where(
            orders.c.id == first.parameter("id"),
            orders.c.revision == bindparam("revision_read", type_=BigInteger),
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
        select(order, *wake, NUMBER_IN_GROUP).add_cte(*parts), lock=_names(orders, 0)[0]
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
