"""A pool of connections of the driver.

SQLAlchemy's pool would take four times as much CPU time as a statement: each use of a connection
switches greenlets, and resets a connection that has nothing to reset.
"""

import asyncio
import json
from collections import deque
from typing import Any, Final, TypeAlias

import asyncpg
from attrs import define, field

from adapters.persistence.sql.connector import Connector
from adapters.persistence.sql.pooler import is_pooled

# How long to wait for a free connection; a customer waits as long.
POOL_SECONDS: Final = 3.0

# How long a server may take to confirm that a connection is closed.
_CLOSE_SECONDS: Final = 1.0

Driver: TypeAlias = "asyncpg.Connection[Any]"


class AllInUse(Exception):
    """No connection became free in time."""


@define(eq=False)
class Connection:
    """An open connection."""

    driver: Driver
    number: int
    """How many connections were opened up to this one."""
    trusted: int
    """See ConnectionPool."""
    is_read_only: bool
    """Whether the server was read-only when it opened; it may be all that there is to read."""


@define(eq=False)
class ConnectionPool:
    """Up to `size` connections, which are opened when they are needed.

    Callers get them in the order of their requests. The connection that was used last is the next
    one used, so after a loss that is the replacement.
    """

    connector: Connector
    size: int
    lost: int = field(default=0, init=False)
    """How many connections were lost or thrown away."""
    opened: int = field(default=0, init=False)
    """How many connections were opened."""
    trusted: int = field(default=0, init=False)
    """Rises when all connections opened so far must not be used again."""
    is_pooled: bool = field(default=False, init=False)
    """Whether the connection opened last does without named statements; see `pooler`."""
    copy: str | None = field(default=None, init=False)
    """Which copy of the database has answered last."""
    _lost_at_answer: int = field(default=0, init=False)
    in_use: int = field(default=0, init=False)
    """How many connections are in use or being opened."""
    idle: list[Connection] = field(factory=list, init=False)
    _waiting: deque["asyncio.Future[None]"] = field(factory=deque, init=False)
    _closed: int = field(default=0, init=False)
    """The number of the last connection that was opened before the pool was closed."""

    @property
    def waiting(self) -> int:
        """How many callers wait for a connection."""
        return len(self._waiting)

    async def acquire(self) -> Connection:
        """Return a connection; `release` or `discard` it afterwards.

        Raises:
            AllInUse: none became free in time.
            Exception: none can be opened; see `Connector.connect`.
        """
        if self.in_use < self.size and not self._waiting:
            self.in_use += 1
        else:
            await self._wait()
        try:
            return self._take() or await self._open()
        except BaseException:
            self._free()
            raise

    def release(self, connection: Connection) -> None:
        """Give a connection back."""
        if connection.number <= self._closed:
            connection.driver.terminate()
        else:
            self.idle.append(connection)
        self._free()

    def discard(self, connection: Connection) -> None:
        """Give back a connection that cannot be used again."""
        self._end(connection)
        self._free()

    def note_copy(self, copy: str) -> None:
        """Note which copy has answered; if it is another one, use none of the connections again.

        If a connection was lost since the last answer, that is known already, and the connections
        are those to the new copy.
        """
        if self.copy not in (None, copy) and self._lost_at_answer == self.lost:
            self.trusted += 1
            self.lost += 1
            idle, self.idle = self.idle, []
            for connection in idle:
                self._end(connection)
        self.copy, self._lost_at_answer = copy, self.lost

    async def close(self) -> None:
        """Close the connections; those in use, when they are given back."""
        self._closed, idle, self.idle = self.opened, self.idle, []
        for connection in idle:
            try:
                await connection.driver.close(timeout=_CLOSE_SECONDS)
            except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                connection.driver.terminate()

    def _take(self) -> Connection | None:
        """Return an idle connection; throw away those that ended, as in a restart of the server."""
        while self.idle:
            connection = self.idle.pop()
            if connection.trusted == self.trusted and not connection.driver.is_closed():
                return connection
            self._end(connection)
        return None

    async def _open(self) -> Connection:
        trusted = self.trusted
        driver = await self.connector.connect()
        try:
            for name in ("json", "jsonb"):
                await driver.set_type_codec(
                    name, schema="pg_catalog", encoder=str, decoder=json.loads
                )
        except BaseException:
            driver.terminate()
            raise
        self.opened, self.is_pooled = self.opened + 1, is_pooled(driver)
        return Connection(driver, self.opened, trusted, says_read_only(driver))

    def _end(self, connection: Connection) -> None:
        self.lost += 1
        connection.driver.terminate()

    async def _wait(self) -> None:
        """Wait for the place of another caller."""
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            async with asyncio.timeout(POOL_SECONDS):
                await place
        except BaseException as error:
            if place in self._waiting:
                self._waiting.remove(place)
            elif place.done() and not place.cancelled():
                self._free()  # it became free at the same moment
            if isinstance(error, TimeoutError):
                raise AllInUse from None
            raise

    def _free(self) -> None:
        """Hand the place over to the caller that has waited longest."""
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return
        self.in_use -= 1


def says_read_only(driver: Driver) -> bool:
    """Whether the server last said that it is a standby or was made read-only.

    From version 14 on, servers report both when a connection opens, and a change with their next
    reply.
    """
    settings = driver.get_settings()
    return "on" in (
        getattr(settings, "in_hot_standby", None),
        getattr(settings, "default_transaction_read_only", None),
    )
