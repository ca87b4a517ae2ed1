"""Unusable notifications in a table; each method is one statement."""

from collections.abc import Collection, Sequence
from typing import Final

from attrs import frozen
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Integer,
    LargeBinary,
    Text,
    any_,
    bindparam,
    delete,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.statement import Statement
from adapters.persistence.sql.tables import unusable_notifications as kept
from application.ports.unusable_notifications import MAX_REASON, KeptNotification

_NUMBER: Final = bindparam("number", type_=BigInteger)
_REASON: Final = bindparam("reason", type_=Text)
_COLUMNS: Final = kept.c[
    "number", "gateway", "notification_id", "received_at", "reason", "body", "attempts"
]

_NEW = insert(kept).values(
    gateway=bindparam("gateway", type_=Text),
    notification_id=bindparam("notification_id", type_=Text),
    reason=_REASON,
    body=bindparam("body", type_=LargeBinary),
)
_KEEP: Final = Statement.of(
    _NEW.on_conflict_do_update(
        index_elements=[kept.c.gateway, kept.c.notification_id],
        set_={"reason": _NEW.excluded.reason},
    )
)
_LIST: Final = Statement.of(
    select(*_COLUMNS)
    .where(kept.c.number > bindparam("after", type_=BigInteger))
    .order_by(kept.c.number)
    .limit(bindparam("most", type_=Integer))
)
_SHOW: Final = Statement.of(select(*_COLUMNS).where(kept.c.number == _NUMBER))
_RECORD: Final = Statement.of(
    update(kept)
    .where(kept.c.number == _NUMBER)
    .values(reason=_REASON, attempts=kept.c.attempts + literal_column("1", Integer))
)
_REMOVE: Final = Statement.of(
    delete(kept)
    .where(kept.c.number == any_(bindparam("numbers", type_=ARRAY(BigInteger))))
    .returning(kept.c.number)
)


@frozen
class SqlUnusableNotifications:
    """Keeps unusable notifications on PostgreSQL."""

    _database: Database

    async def keep(self, gateway: str, notification_id: str, reason: str, body: bytes) -> None:
        await self._database.run(
            _KEEP,
            gateway=gateway,
            notification_id=notification_id,
            reason=reason[:MAX_REASON],
            body=body,
        )

    async def list(self, limit: int, after: int = 0) -> Sequence[KeptNotification]:
        rows = await self._database.run(_LIST, most=limit, after=after)
        return [KeptNotification(*row) for row in rows]

    async def show(self, number: int) -> KeptNotification | None:
        rows = await self._database.run(_SHOW, number=number)
        return next((KeptNotification(*row) for row in rows), None)

    async def record_attempt(self, number: int, reason: str) -> None:
        await self._database.run(_RECORD, number=number, reason=reason[:MAX_REASON])

    async def remove(self, numbers: Collection[int]) -> int:
        return len(await self._database.run(_REMOVE, numbers=list(numbers)))
