"""Operators' sessions in memory."""

from attrs import evolve, frozen

from adapters.persistence.in_memory.tables import InMemoryTables, StoredSession
from application.ports.operator_sessions import OperatorSession, SessionLimits


@frozen
class InMemoryOperatorSessions:
    """Sessions by the hashes of their tokens."""

    _database: InMemoryTables

    async def begin(self, session_id: bytes, session: OperatorSession) -> None:
        await self._database.checkpoint("begin a session")
        now = self._database.now()
        self._database.operator_sessions.setdefault(session_id, StoredSession(session, now, now))

    async def find(self, session_id: bytes, limits: SessionLimits) -> OperatorSession | None:
        await self._database.checkpoint("find a session")
        stored = self._alive(session_id, limits)
        return None if stored is None else stored.session

    async def use(self, session_id: bytes, limits: SessionLimits) -> OperatorSession | None:
        await self._database.checkpoint("use a session")
        stored = self._alive(session_id, limits)
        if stored is None:
            return None
        used = evolve(stored, used_at=self._database.now())
        self._database.operator_sessions[session_id] = used
        return stored.session

    async def end(self, session_id: bytes) -> None:
        await self._database.checkpoint("end a session")
        self._database.operator_sessions.pop(session_id, None)

    def _alive(self, session_id: bytes, limits: SessionLimits) -> StoredSession | None:
        stored, now = self._database.operator_sessions.get(session_id), self._database.now()
        if stored is None or stored.used_at <= now - limits.idle:
            return None
        return stored if stored.began_at > now - limits.longest else None
