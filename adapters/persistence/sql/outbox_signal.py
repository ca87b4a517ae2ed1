"""The signal of new events: a notification of PostgreSQL, on a connection of its own.

A commit that notifies takes a lock of the whole server until it is on the disk
(https://github.com/postgres/postgres/blob/REL_18_STABLE/src/backend/commands/async.c,
PreCommit_Notify), so that such commits follow one another: of 16 clients, 340 commits a second were
left of 2,700. So it notifies only if the relay has found nothing and asks for it, and no other
commit is notifying: a relay that is busy finds the new events by itself.
"""

import asyncio
import contextlib
import logging
import os
from typing import Any, Final

import asyncpg
from attrs import define, field
from sqlalchemy import ScalarSelect, func, literal_column, select

from adapters.persistence.sql.connector import Connection, Connector
from adapters.persistence.sql.database_url import DatabaseUrl, Prepared
from adapters.persistence.sql.engine import STATEMENT_SECONDS
from adapters.persistence.sql.errors import reason_of
from adapters.persistence.sql.pool import says_read_only
from adapters.persistence.sql.pooler import has_pooler
from adapters.persistence.sql.tables import relay

logger = logging.getLogger(__name__)

CHANNEL: Final = "payments_outbox"

_SLEEPING = (
    select(literal_column("1").label("one"))
    .select_from(relay)
    .where(relay.c.sleeps_until > func.now())
    .with_for_update(skip_locked=True)
    .subquery("sleeping")
)

WAKE_RELAY: Final[ScalarSelect[Any]] = (
    select(func.pg_notify(literal_column(f"'{CHANNEL}'"), literal_column("''")))
    .select_from(_SLEEPING)
    .scalar_subquery()
)
"""Wakes the relay if it sleeps and no other commit is doing so; one column of a statement that adds
events."""

CHECK_SECONDS: Final = 5.0
"""The time between two checks of the connection, which may be lost without a sign of it."""

RETRY_SECONDS: Final = 5.0
"""The time between two attempts to connect; the relay polls meanwhile."""


@define
class SqlOutboxSignal:
    """Listens for notifications from the first `wait` on, until it is closed."""

    _connector: Connector
    _retry_seconds: float = RETRY_SECONDS
    is_listening: bool = field(default=False, init=False)
    """Whether notifications reach us."""
    _signal: asyncio.Event = field(factory=asyncio.Event, init=False)
    _task: "asyncio.Task[None] | None" = field(default=None, init=False)

    @classmethod
    def on(cls, database_url: str, prepared: Prepared) -> "SqlOutboxSignal":
        """Return the signal of a database."""
        url = DatabaseUrl.parse(database_url, os.environ)
        return cls(Connector(url, STATEMENT_SECONDS, prepared))

    async def wait(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._stay_connected(), name="outbox signal")
        await self._signal.wait()
        self._signal.clear()

    async def close(self) -> None:
        """Close the connection."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _stay_connected(self) -> None:
        while True:
            try:
                connection = await self._connector.connect()
                if await has_pooler(connection):
                    connection.terminate()
                    logger.info("a connection pooler delivers no notifications: the relay polls")
                    return
                await self._listen(connection)
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
                logger.info("the relay polls until it is notified again: %s", reason_of(error))
            await asyncio.sleep(self._retry_seconds)

    async def _listen(self, connection: Connection) -> None:
        """Listen until the connection is lost, or its server has become a standby."""
        is_closed = asyncio.Event()
        connection.add_termination_listener(lambda _: is_closed.set())
        try:
            await connection.add_listener(CHANNEL, self._on_notification)
            self.is_listening = True
            self._signal.set()  # of what was committed meanwhile, none was notified
            while not says_read_only(connection):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(CHECK_SECONDS):
                        await is_closed.wait()
                await connection.fetch("SELECT 1")
        finally:
            self.is_listening = False
            connection.terminate()

    def _on_notification(self, *_: object) -> None:
        self._signal.set()
