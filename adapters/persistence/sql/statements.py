"""The statements of a unit of work: eight that read, and one that commits."""

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    DateTime,
    Select,
    Table,
    TableValuedAlias,
    Text,
    bindparam,
    delete,
    func,
    literal_column,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, Insert, insert

from adapters.persistence.sql.mappers.values import Values
from adapters.persistence.sql.outbox_signal import WAKE_RELAY
from adapters.persistence.sql.requests import (
    BEGIN_OR_TAKE_OVER,
    Change,
    SqlRequests,
    change_of_request,
)
from adapters.persistence.sql.statement import Statement
from adapters.persistence.sql.stream_positions import advance
from adapters.persistence.sql.tables import (
    deferred_notifications,
    disputes,
    inbox,
    order_history,
    orders,
    outbox,
    payments,
    refunds,
    stream_positions,
)

_ROWS: Final = (
    select(orders, payments, refunds, disputes)
    .outerjoin_from(orders, payments, payments.c.order_id == orders.c.id)
    .outerjoin(refunds, refunds.c.payment_id == payments.c.id)
    .outerjoin(disputes, disputes.c.payment_id == payments.c.id)
)

ORDER: Final = Statement.of(_ROWS.where(orders.c.id == bindparam("order_id", type_=Text)))

ORDERS: Final = Statement.of(
    _ROWS.where(orders.c.id == func.any(bindparam("order_ids", type_=ARRAY(Text))))
)

ORDER_OF_PAYMENT: Final = Statement.of(
    _ROWS.where(
        orders.c.id
        == select(payments.c.order_id)
        .where(payments.c.id == bindparam("payment_id", type_=Text))
        .scalar_subquery()
    )
)


ORDER_OF_CHARGE: Final = Statement.of(
    _ROWS.where(
        orders.c.id
        == select(payments.c.order_id)
        .where(payments.c.charge_id == bindparam("charge_id", type_=Text))
        .limit(literal_column("1"))
        .scalar_subquery()
    )
)


PAYMENTS: Final = Statement.of(
    select(payments).where(payments.c.id == func.any(bindparam("payment_ids", type_=ARRAY(Text))))
)


def _due(table: Table) -> Select[Any]:
    """Select up to `limit` due checks of one table, longest due first."""
    return (
        select(table.c.order_id, table.c.next_check_at)
        .where(table.c.next_check_at <= bindparam("now", type_=DateTime(timezone=True)))
        .order_by(table.c.next_check_at)
        .limit(bindparam("limit", type_=BigInteger))
        .subquery()
        .select()
    )


_CHECKS: Final = union_all(_due(payments), _due(refunds)).subquery()

DUE: Final = Statement.of(
    select(_CHECKS.c.order_id)
    .group_by(_CHECKS.c.order_id)
    .order_by(func.min(_CHECKS.c.next_check_at), _CHECKS.c.order_id)
    .limit(bindparam("limit", type_=BigInteger))
)

RECEIVED: Final = Statement.of(
    select(inbox.c.id).where(inbox.c.id == bindparam("notification_id", type_=Text))
)

# A charge that is only authorized is known, too, but nothing of it can be refunded or disputed yet.
# Not EXISTS: in an OR, PostgreSQL would read and hash all payments for it.
_CHARGE_KNOWN: Final = (
    select(payments.c.id)
    .where(
        payments.c.charge_id == deferred_notifications.c.charge_id,
        payments.c.captured_amount.is_not(None),
    )
    .limit(literal_column("1"))
    .scalar_subquery()
)
_TOO_OLD: Final = deferred_notifications.c.deferred_at < bindparam(
    "before", type_=DateTime(timezone=True)
)

DEFERRED: Final = Statement.of(
    select(*deferred_notifications.c["id", "charge_id", "kind", "data"])
    .where(or_(_TOO_OLD, _CHARGE_KNOWN.is_not(None)))
    .order_by(deferred_notifications.c.deferred_at, deferred_notifications.c.id)
    .limit(bindparam("limit", type_=BigInteger))
)

WRITTEN: Final[Mapping[Table, Sequence[str]]] = {
    orders: orders.columns.keys(),
    payments: payments.columns.keys(),
    refunds: refunds.columns.keys(),
    disputes: disputes.columns.keys(),
    outbox: ("id", "order_id", "subject", "data", "traceparent"),
    inbox: ("id",),
    order_history: ("order_id", "seq", "content", "hash"),
    deferred_notifications: deferred_notifications.columns.keys(),
    stream_positions: ("stream", "consumer", "applied", "applied_at"),
}
"""The columns that a unit of work writes; the database sets the others."""

_REMOVED: Final = (
    delete(deferred_notifications)
    .where(deferred_notifications.c.id == func.any(bindparam("removed", type_=ARRAY(Text))))
    .cte("removed_notifications")
)

# Rows of these tables are inserted or replaced; rows of the others are only inserted.
_REPLACEABLE: Final = (orders, payments, refunds, disputes)
_INSERT_ONLY: Final = (order_history, outbox, inbox, deferred_notifications)

# The column with the id of a row's parent, which never changes.
_PARENT: Final = {payments: "order_id", refunds: "payment_id", disputes: "payment_id"}


@cache
def commit(
    tables: frozenset[Table], *, removes: bool = False, request: Change | None = None
) -> Statement:
    """Return the statement that writes any number of rows to these tables, all or none.

    If `removes`, it deletes deferred notifications as well. `request` is what it does about a
    request with an idempotency key. Its values come from `parameters`.
    """
    saved = [_saved(table) for table in _REPLACEABLE if table in tables]
    added = [_added(table) for table in _INSERT_ONLY if table in tables]
    if removes:
        added.append(_REMOVED)
    if request is Change.BEGIN:
        saved.append(BEGIN_OR_TAKE_OVER)
    elif request is not None:
        added.append(change_of_request(request).cte("changed_request"))
    if stream_positions in tables:
        # Last in every commit, so that two of them cannot deadlock.
        saved.append(advance(_given(stream_positions)))
    written: ColumnElement[int] = literal_column("0", BigInteger)
    for each in saved:
        written += select(func.count()).select_from(each).scalar_subquery()
    expected = bindparam("expected", type_=BigInteger)
    wake = [WAKE_RELAY] if outbox in tables else []
    return Statement.of(select(func.expect_written(written, expected), *wake).add_cte(*added))


def parameters(
    rows: Mapping[Table, Collection[Values]],
    removed: Collection[str] = (),
    requests: SqlRequests | None = None,
) -> dict[str, Any]:
    """Return the parameters of a commit.

    They are one array for each column, the number of rows that must be written although a guard
    may reject them, the ids of the deferred notifications to delete, and those of a request.
    """
    arrays: dict[str, Any] = {
        f"{table.name}_{name}": _array(column)
        for table, each in rows.items()
        for name, column in zip(WRITTEN[table], zip(*each, strict=True), strict=True)
    }
    expected = sum(len(rows.get(table, ())) for table in (*_REPLACEABLE, stream_positions))
    if requests is not None:
        expected += requests.change is Change.BEGIN
        arrays |= requests.values
    return {**arrays, "expected": expected, "removed": sorted(removed)}


def _array(column: Sequence[Any]) -> Sequence[Any]:
    """Return the values of a column; none at all if all of them are NULL.

    `unnest` fills shorter arrays with NULL, and the driver takes a while for each value.
    """
    return () if column[0] is None and column.count(None) == len(column) else column


def _given(table: Table) -> TableValuedAlias:
    """Return the rows of the parameters, with one array parameter for each column."""
    names = list(WRITTEN[table])
    arrays = (bindparam(f"{table.name}_{name}", type_=ARRAY(table.c[name].type)) for name in names)
    return func.unnest(*arrays).table_valued(*names).render_derived(name="given")


def _insert(table: Table) -> Insert:
    """Return an INSERT of any number of rows."""
    return insert(table).from_select(list(WRITTEN[table]), select(_given(table)))


def _added(table: Table) -> CTE:
    """Return an INSERT that skips events and deferred notifications whose id exists.

    An id that exists in the inbox, or in a history, is an error, which becomes a conflict.
    """
    statement = _insert(table)
    if table not in (inbox, order_history):
        statement = statement.on_conflict_do_nothing(index_elements=[table.c.id])
    return statement.cte(f"added_{table.name}")


def _saved(table: Table) -> CTE:
    """Return an upsert of the rows whose guard allows it; it returns the ids of these rows."""
    statement = _insert(table)
    new = statement.excluded
    if table is orders:  # no other process has written it since it was read
        guard = table.c.revision == new.revision - literal_column("1")
    else:  # the row with this id has the same parent
        guard = table.c[_PARENT[table]] == new[_PARENT[table]]
    return (
        statement.on_conflict_do_update(
            index_elements=[table.c.id],
            set_={name: new[name] for name in WRITTEN[table] if name != "id"},
            where=guard,
        )
        .returning(table.c.id)
        .cte(f"saved_{table.name}")
    )
