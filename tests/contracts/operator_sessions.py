"""The promises of stored sessions of operators."""

from datetime import timedelta

from application.ports.operator_sessions import OperatorSession, SessionLimits
from tests.contracts.storages import Storage

LIMITS = SessionLimits(idle=timedelta(minutes=30), longest=timedelta(hours=12))
SESSION, OTHER = OperatorSession("alice", b"proof"), OperatorSession("bob", b"other proof")
TWENTY_MINUTES = timedelta(minutes=20)


class OperatorSessionsContract:
    """The promises of application/ports/operator_sessions.py."""

    async def test_a_session_is_found_by_its_id_alone(self, storage: Storage) -> None:
        await storage.sessions.begin(b"1", SESSION)
        await storage.sessions.begin(b"2", OTHER)
        assert await storage.sessions.find(b"1", LIMITS) == SESSION
        assert await storage.sessions.use(b"2", LIMITS) == OTHER
        assert await storage.sessions.find(b"3", LIMITS) is None
        assert await storage.sessions.use(b"3", LIMITS) is None

    async def test_a_session_that_was_ended_is_never_found(self, storage: Storage) -> None:
        await storage.sessions.begin(b"1", SESSION)
        await storage.sessions.begin(b"2", OTHER)
        await storage.sessions.end(b"1")
        await storage.sessions.end(b"1")
        assert await storage.sessions.find(b"1", LIMITS) is None
        assert await storage.sessions.use(b"1", LIMITS) is None
        assert await storage.sessions.find(b"2", LIMITS) == OTHER

    async def test_a_session_ends_when_it_is_idle_and_to_find_it_is_no_use(
        self, storage: Storage
    ) -> None:
        await storage.sessions.begin(b"1", SESSION)
        await storage.elapse(TWENTY_MINUTES)
        assert await storage.sessions.find(b"1", LIMITS) == SESSION
        await storage.elapse(TWENTY_MINUTES)
        assert await storage.sessions.find(b"1", LIMITS) is None
        assert await storage.sessions.use(b"1", LIMITS) is None

    async def test_a_session_that_is_used_ends_at_its_longest(self, storage: Storage) -> None:
        await storage.sessions.begin(b"1", SESSION)
        for _ in range(LIMITS.longest // TWENTY_MINUTES):
            assert await storage.sessions.use(b"1", LIMITS) == SESSION
            await storage.elapse(TWENTY_MINUTES)
        assert await storage.sessions.use(b"1", LIMITS) is None
        assert await storage.sessions.find(b"1", LIMITS) is None
