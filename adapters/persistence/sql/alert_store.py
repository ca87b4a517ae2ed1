"""Alerts in a table, by the database's clock."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from attrs import frozen
from sqlalchemy import BigInteger, Interval, Text, bindparam, case, func, literal_column, select
from sqlalchemy.dialects.postgresql import insert

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.statement import Statement
from adapters.persistence.sql.tables import alerts
from application.ports.alerts import MAX_CURRENT_FOR, MAX_LISTED, Alert, AlertKind

_NEW: Final = insert(alerts).values(
    kind=bindparam("kind", type_=Text),
    subject=bindparam("subject", type_=Text),
    text=bindparam("text", type_=Text),
    first_at=func.now(),
    last_at=func.now(),
    count=bindparam("count", type_=BigInteger),
)
_ZERO: Final = literal_column("0", BigInteger)
_IS_CURRENT: Final = alerts.c.last_at > func.now() - bindparam("current_for", type_=Interval)

_ADD: Final = Statement.of(
    _NEW.on_conflict_do_update(
        index_elements=[alerts.c.kind, alerts.c.subject],
        set_={
            "text": _NEW.excluded.text,
            "first_at": case((_IS_CURRENT, alerts.c.first_at), else_=_NEW.excluded.first_at),
            "last_at": _NEW.excluded.last_at,
            "count": _NEW.excluded.count + case((_IS_CURRENT, alerts.c.count), else_=_ZERO),
        },
    )
)

_LIST: Final = Statement.of(
    select(func.now(), *alerts.c["kind", "subject", "text", "first_at", "last_at", "count"])
    .where(alerts.c.last_at > func.now() - bindparam("age", type_=Interval))
    .order_by(alerts.c.last_at.desc())
    .limit(literal_column(str(MAX_LISTED)))
)


@frozen
class SqlAlertStore:
    """An alert store in which each method is one statement."""

    _database: Database

    async def add(self, kind: AlertKind, subject: str, text: str, count: int) -> None:
        await self._database.run(
            _ADD,
            kind=kind.value,
            subject=subject,
            text=text,
            count=count,
            current_for=kind.current_for,
        )

    async def list_current(self) -> Sequence[Alert]:
        rows = await self._database.run(_LIST, age=MAX_CURRENT_FOR)
        found = [(now, _alert(*values)) for now, *values in rows]
        return [alert for now, alert in found if alert.last_at > now - alert.kind.current_for]


def _alert(
    kind: str, subject: str, text: str, first_at: datetime, last_at: datetime, count: int
) -> Alert:
    try:
        return Alert(AlertKind(kind), subject, text, first_at, last_at, count)
    except ValueError:
        return Alert(AlertKind.OTHER, subject, f"{kind}: {text}", first_at, last_at, count)
