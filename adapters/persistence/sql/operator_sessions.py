"""Operators' sessions in a table, by the database's clock."""

from typing import Final

from attrs import frozen
from sqlalchemy import Interval, LargeBinary, Text, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.statement import Rows, Statement
from adapters.persistence.sql.tables import operator_sessions
from application.ports.operator_sessions import OperatorSession, SessionLimits

_ID: Final = bindparam("session_id", type_=LargeBinary)
_BEGIN: Final = Statement.of(
    insert(operator_sessions)
    .values(
        id=_ID,
        operator=bindparam("operator", type_=Text),
        proof=bindparam("proof", type_=LargeBinary),
        began_at=func.now(),
        used_at=func.now(),
    )
    .on_conflict_do_nothing()
)
_IS_ALIVE: Final = (
    operator_sessions.c.id == _ID,
    operator_sessions.c.used_at > func.now() - bindparam("idle", type_=Interval),
    operator_sessions.c.began_at > func.now() - bindparam("longest", type_=Interval),
)
_FOUND: Final = operator_sessions.c["operator", "proof"]
_FIND: Final = Statement.of(select(*_FOUND).where(*_IS_ALIVE))
_USE: Final = Statement.of(
    update(operator_sessions).where(*_IS_ALIVE).values(used_at=func.now()).returning(*_FOUND)
)
_END: Final = Statement.of(
    delete(operator_sessions).where(operator_sessions.c.id == _ID).returning(_FOUND[0])
)


@frozen
class SqlOperatorSessions:
    """Stores sessions on PostgreSQL; each method is one statement."""

    _database: Database

    async def begin(self, session_id: bytes, session: OperatorSession) -> None:
        await self._database.run(
            _BEGIN, session_id=session_id, operator=session.operator, proof=session.proof
        )

    async def find(self, session_id: bytes, limits: SessionLimits) -> OperatorSession | None:
        return _session(await self._run(_FIND, session_id, limits))

    async def use(self, session_id: bytes, limits: SessionLimits) -> OperatorSession | None:
        return _session(await self._run(_USE, session_id, limits))

    async def end(self, session_id: bytes) -> None:
        await self._database.run(_END, session_id=session_id)

    async def _run(self, statement: Statement, session_id: bytes, limits: SessionLimits) -> Rows:
        return await self._database.run(
            statement, session_id=session_id, idle=limits.idle, longest=limits.longest
        )


def _session(rows: Rows) -> OperatorSession | None:
    return OperatorSession(*rows[0]) if rows else None
