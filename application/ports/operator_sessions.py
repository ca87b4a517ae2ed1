"""OperatorSessions: who is signed in at the console."""

from datetime import timedelta
from typing import Protocol

from attrs import field, frozen


@frozen
class SessionLimits:
    """When a session ends by itself."""

    idle: timedelta
    """After so long without a request."""
    longest: timedelta
    """After so long in all."""


@frozen
class OperatorSession:
    """A session that has not ended."""

    operator: str
    proof: bytes = field(repr=False)
    """A hash of its token and of the operator's key; with another key it is another one."""


class OperatorSessions(Protocol):
    """Stores sessions by a hash of their tokens, for all processes.

    Promises, checked by tests/contracts/operator_sessions.py on every adapter: a session that was
    ended, or has passed one of its limits, is never found again; times are the database's.
    """

    async def begin(self, session_id: bytes, session: OperatorSession) -> None:
        """Store a new session.

        Raises:
            StorageUnavailable: the database cannot be reached; repeating it is harmless.
        """

    async def find(self, session_id: bytes, limits: SessionLimits) -> OperatorSession | None:
        """Return a session; this is no use of it. None if it has ended or never was.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """

    async def use(self, session_id: bytes, limits: SessionLimits) -> OperatorSession | None:
        """Return a session, and begin its idle time again. None as for `find`.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """

    async def end(self, session_id: bytes) -> None:
        """End a session.

        Raises:
            StorageUnavailable: the database cannot be reached; repeating it is harmless.
        """
