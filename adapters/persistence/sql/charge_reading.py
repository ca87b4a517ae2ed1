"""All that a request to pay needs to know, in one statement.

Most orders that are to be paid have no payment yet, and so no refund and no dispute. So the first
statement only looks whether there is one; if so, a second one reads everything anew, from one
moment. The first alone costs PostgreSQL less than half of that.
"""

from functools import cache
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Interval,
    Join,
    Text,
    and_,
    bindparam,
    func,
    literal_column,
    select,
)

from adapters.persistence.sql.database_copy import ANSWERING_COPY
from adapters.persistence.sql.mappers.values import Values
from adapters.persistence.sql.statement import NUMBER_IN_GROUP, Statement
from adapters.persistence.sql.tables import (
    declines,
    disputes,
    idempotency_keys,
    orders,
    payments,
    refunds,
)
from application.ports.charge_reading import ChargeQuery, KnownRequest
from application.ports.idempotency_store import StoredReply

# A subquery, as that of the source below, so that PostgreSQL knows neither when it plans. Otherwise
# it expects fewer rows than on average, and plans the statement anew at every execution, which
# takes six times as long as executing it.
_SINCE: Final = select(func.now() - bindparam("window", type_=Interval)).scalar_subquery()

# It joins on no column: there is always a row, also without an order and without a key.
_ONE: Final = select(literal_column("1").label("one")).subquery("always")


_IS_ORDER: Final = orders.c.id == bindparam("order_id", type_=Text)


def statement_of(query: ChargeQuery) -> Statement:
    """Return the statement that answers the query; the first columns are those of an order."""
    return _statement(len(query.sources), query.key is not None)


def first_statement_of(query: ChargeQuery) -> Statement:
    """Return the statement that answers the query if the order has no payment.

    After the columns of the order is the id of a payment, if there is one.
    """
    return _first_statement(len(query.sources), query.key is not None)


def values_of(query: ChargeQuery) -> dict[str, Any]:
    """Return the parameters of the statement."""
    sources = {f"source_{number}": source for number, source in enumerate(query.sources)}
    values = {"order_id": query.order_id, "window": query.window, **sources}
    if query.key is None:
        return values
    return values | {"user_id": query.key.user_id, "key": query.key.key}


def declines_from(query: ChargeQuery, others: Values) -> dict[str, int]:
    """Return the declines by source; `others` is what follows the columns of the order."""
    return dict(zip(query.sources, others, strict=False))


def request_from(query: ChargeQuery, others: Values) -> KnownRequest | None:
    """Return the request that has the key."""
    if query.key is None:
        return None
    holder, fingerprint, is_leased, status, content = others[len(query.sources) : -2]
    if holder is None:
        return None
    reply = None if status is None else StoredReply(status, content)
    return KnownRequest(fingerprint, holder, is_leased, reply)


def copy_from(others: Values) -> str:
    """Return which copy of the database has answered."""
    return str(others[-2])


@cache
def _statement(sources: int, has_key: bool) -> Statement:
    joined = (
        _ONE.outerjoin(orders, _IS_ORDER)
        .outerjoin(payments, payments.c.order_id == orders.c.id)
        .outerjoin(refunds, refunds.c.payment_id == payments.c.id)
        .outerjoin(disputes, disputes.c.payment_id == payments.c.id)
    )
    return _with_others([orders, payments, refunds, disputes], joined, sources, has_key)


@cache
def _first_statement(sources: int, has_key: bool) -> Statement:
    payment = (
        select(payments.c.id)
        .where(payments.c.order_id == orders.c.id)
        .limit(literal_column("1"))
        .scalar_subquery()
    )
    return _with_others([orders, payment], _ONE.outerjoin(orders, _IS_ORDER), sources, has_key)


def _with_others(columns: list[Any], joined: Join, sources: int, has_key: bool) -> Statement:
    """Select these columns, and what is not of the order."""
    columns += [_declines(number) for number in range(sources)]
    if has_key:
        keys = idempotency_keys.c
        is_key = and_(
            keys.user_id == bindparam("user_id", type_=Text),
            keys.key == bindparam("key", type_=Text),
        )
        joined = joined.outerjoin(idempotency_keys, is_key)
        is_leased = keys.lease_ends > func.now()
        columns += [keys.holder, keys.fingerprint, is_leased, keys.status, keys.content]
    return Statement.of(select(*columns, ANSWERING_COPY, NUMBER_IN_GROUP).select_from(joined))


def _declines(number: int) -> ColumnElement[int]:
    """Count the declines of one source."""
    source = select(bindparam(f"source_{number}", type_=Text)).scalar_subquery()
    return (
        select(func.count())
        .where(declines.c.source == source, declines.c.at > _SINCE)
        .scalar_subquery()
    )
