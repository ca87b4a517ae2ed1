"""What a unit of work says to the database: six statements to read with, and one to commit with."""

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

from adapters.persistence.sql.database import Statement
from adapters.persistence.sql.mappers import Values
from adapters.persistence.sql.tables import (
    deferred_notifications,
    disputes,
    inbox,
    orders,
    outbox,
    payments,
    refunds,
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


def _due(table: Table) -> Select[Any]:
    """The longest due of one table: more than `limit` of both are not needed."""
    return (
        select(table.c.order_id, table.c.next_check_at)
        .where(table.c.next_check_at <= bindparam("now", type_=DateTime(timezone=True)))
        .order_by(table.c.next_check_at)
        .limit(bindparam("limit", type_=BigInteger))
        .subquery()
        .select()
    )


_LOOKS: Final = union_all(_due(payments), _due(refunds)).subquery()

DUE: Final = Statement.of(
    select(_LOOKS.c.order_id)
    .group_by(_LOOKS.c.order_id)
    .order_by(func.min(_LOOKS.c.next_check_at), _LOOKS.c.order_id)
    .limit(bindparam("limit", type_=BigInteger))
)

HEARD: Final = Statement.of(
    select(inbox.c.id).where(inbox.c.id == bindparam("notification_id", type_=Text))
)

# No EXISTS: for one that stands beside an OR, all payments would be read and hashed.
_CHARGED: Final = (
    select(payments.c.id)
    .where(payments.c.charge_id == deferred_notifications.c.charge_id)
    .limit(literal_column("1"))
    .scalar_subquery()
)
_TOO_OLD: Final = deferred_notifications.c.since < bindparam(
    "before", type_=DateTime(timezone=True)
)

KEPT: Final = Statement.of(
    select(*deferred_notifications.c["id", "charge_id", "kind", "data"])
    .where(or_(_TOO_OLD, _CHARGED.is_not(None)))
    .order_by(deferred_notifications.c.since, deferred_notifications.c.id)
    .limit(bindparam("limit", type_=BigInteger))
)

# What a unit of work writes, table by table; the database adds the other columns.
_GIVEN: Final[Mapping[Table, Sequence[str]]] = {
    orders: orders.columns.keys(),
    payments: payments.columns.keys(),
    refunds: refunds.columns.keys(),
    disputes: disputes.columns.keys(),
    outbox: ("id", "order_id", "subject", "data", "traceparent"),
    inbox: ("id",),
    deferred_notifications: deferred_notifications.columns.keys(),
}


_FORGOTTEN: Final = (
    delete(deferred_notifications)
    .where(deferred_notifications.c.id == func.any(bindparam("forgotten", type_=ARRAY(Text))))
    .cte("forgotten_notices")
)


# Rows of the bills, which are replaced if they are there; of the others, which are only added.
_BOOKS: Final = (orders, payments, refunds, disputes)
_OTHERS: Final = (outbox, inbox, deferred_notifications)

# What a row belongs to, and will for ever.
_OWNER: Final = {payments: "order_id", refunds: "payment_id", disputes: "payment_id"}


@cache
def commit(tables: frozenset[Table], *, forgets: bool = False) -> Statement:
    """Write any number of rows into these tables, all or none, and stop keeping notices or not;
    `parameters` says what."""
    saved = [_saved(table) for table in _BOOKS if table in tables]
    added = [_added(table) for table in _OTHERS if table in tables]
    if forgets:
        added.append(_FORGOTTEN)
    written: ColumnElement[int] = literal_column("0", BigInteger)
    for each in saved:
        written += select(func.count()).select_from(each).scalar_subquery()
    expected = bindparam("expected", type_=BigInteger)
    return Statement.of(select(func.expect_written(written, expected)).add_cte(*added))


def parameters(
    rows: Mapping[Table, Collection[Values]], forgotten: Collection[str] = ()
) -> dict[str, Any]:
    """What a commit writes as its parameters: an array a column, how many rows of the books must be
    written, and which notices are kept no longer."""
    arrays = {
        f"{table.name}_{name}": column
        for table, each in rows.items()
        for name, column in zip(_GIVEN[table], zip(*each, strict=True), strict=True)
    }
    expected = sum(len(rows.get(table, ())) for table in _BOOKS)
    return {**arrays, "expected": expected, "forgotten": sorted(forgotten)}


def _insert(table: Table) -> Insert:
    """Insert rows that come as one array a column, so that one text serves any number of them."""
    names = list(_GIVEN[table])
    arrays = (bindparam(f"{table.name}_{name}", type_=ARRAY(table.c[name].type)) for name in names)
    given = func.unnest(*arrays).table_valued(*names).render_derived(name="given")
    return insert(table).from_select(names, select(given))


def _added(table: Table) -> CTE:
    """Add rows. What is there already is the same event or kept notice; but a notice heard again is
    a conflict."""
    adding = _insert(table)
    if table is not inbox:
        adding = adding.on_conflict_do_nothing(index_elements=[table.c.id])
    return adding.cte(f"added_{table.name}")


def _saved(table: Table) -> CTE:
    """Add rows or replace them, each only where it may be; the ids of those that were written."""
    adding = _insert(table)
    new = adding.excluded
    if table is orders:  # nobody has written the bill since it was read
        guard = table.c.revision == new.revision - literal_column("1")
    else:  # what bears this name is the same thing
        guard = table.c[_OWNER[table]] == new[_OWNER[table]]
    return (
        adding.on_conflict_do_update(
            index_elements=[table.c.id],
            set_={name: new[name] for name in _GIVEN[table] if name != "id"},
            where=guard,
        )
        .returning(table.c.id)
        .cte(f"saved_{table.name}")
    )
