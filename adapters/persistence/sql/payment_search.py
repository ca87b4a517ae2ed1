"""Search payments on PostgreSQL."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

from attrs import asdict, frozen
from sqlalchemy import ColumnElement, DateTime, Integer, Text, bindparam, select, tuple_

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.mappers.payments import payment_from
from adapters.persistence.sql.statement import Statement
from adapters.persistence.sql.tables import payments
from application.ports.clock import Clock
from application.ports.payment_search import PaymentFilter, PlaceInList
from domain.payment import Payment
from domain.payment_status import PaymentStatus

_MOMENT: Final = DateTime(timezone=True)

_FIRST_WINDOW: Final = timedelta(hours=1)
"""The newest payments are asked for most often; a busy shop has thousands in an hour."""

_GROWTH: Final = 8
"""Each window is so many times as long as all before it: nine of them reach back 15,000 years."""


@frozen
class SqlPaymentSearch:
    """Reads windows of time, from the newest on, until a page is full.

    `created_at` has an index of block ranges, which costs a charge nothing and finds a window, but
    not the newest rows. An order has few payments, and an index of its own.
    """

    _database: Database
    _now: Clock

    async def page(
        self, wanted: PaymentFilter, limit: int, after: PlaceInList | None = None
    ) -> Sequence[Payment]:
        values = _values(wanted)
        if after is not None:
            values |= {"after_at": after.created_at, "after_id": after.payment_id}
        if wanted.order_id is not None:
            return await self._read(values, limit)
        ends = [each for each in (wanted.until, _next(after)) if each is not None]
        found: list[Payment] = []
        for window in _windows(wanted.since, min(ends, default=None), self._now()):
            found += await self._read({**values, **window}, limit - len(found))
            if len(found) == limit:
                break
        return found

    async def _read(self, values: dict[str, Any], limit: int) -> list[Payment]:
        statement = _statement(tuple(sorted(values)))
        rows = await self._database.run(statement, most=limit, **values)
        return [payment_from(*row) for row in rows]


def _values(wanted: PaymentFilter) -> dict[str, Any]:
    values = {name: each for name, each in asdict(wanted).items() if each is not None}
    if isinstance(values.get("status"), PaymentStatus):
        values["status"] = values["status"].value
    return values


def _next(after: PlaceInList | None) -> datetime | None:
    """Return a time after which nothing can follow this place."""
    return None if after is None else after.created_at + timedelta(microseconds=1)


def _windows(
    since: datetime | None, until: datetime | None, now: datetime
) -> Iterator[Mapping[str, datetime]]:
    """Return windows from the newest to the oldest, without the bounds that are not there."""
    oldest = since or datetime.min.replace(tzinfo=UTC)
    length, end, start = _FIRST_WINDOW, until, until or now
    while start > oldest:
        start = start - length if start - oldest > length else oldest
        bounds = {"since": since if start == oldest else start, "until": end}
        yield {name: each for name, each in bounds.items() if each is not None}
        length, end = length * _GROWTH, start


@cache  # there are 2**9 sets of names, and few are used
def _statement(names: tuple[str, ...]) -> Statement:
    return Statement.of(
        select(payments)
        .where(*(_CONDITIONS[name] for name in names if name in _CONDITIONS))
        .order_by(payments.c.created_at.desc(), payments.c.id.desc())
        .limit(bindparam("most", type_=Integer))
    )


_CONDITIONS: Final[dict[str, ColumnElement[bool]]] = {
    "status": payments.c.status == bindparam("status", type_=Text),
    "order_id": payments.c.order_id == bindparam("order_id", type_=Text),
    "user_id": payments.c.user_id == bindparam("user_id", type_=Text),
    "gateway": payments.c.gateway == bindparam("gateway", type_=Text),
    "reference": payments.c.reference == bindparam("reference", type_=Text),
    "since": payments.c.created_at >= bindparam("since", type_=_MOMENT),
    "until": payments.c.created_at < bindparam("until", type_=_MOMENT),
    "after_at": tuple_(payments.c.created_at, payments.c.id)
    < tuple_(bindparam("after_at", type_=_MOMENT), bindparam("after_id", type_=Text)),
}
