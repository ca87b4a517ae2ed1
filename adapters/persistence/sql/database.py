"""Run statements, each in a transaction of its own, and translate errors to the port's errors."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
from attrs import define, field, frozen
from sqlalchemy import ClauseElement, PoolProxiedConnection, QueuePool, event, make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.sql.compiler import SQLCompiler

from adapters.persistence.sql.errors import Fault, fault_of, reason_of, translating_errors
from adapters.persistence.sql.pooler import PooledConnection
from adapters.persistence.sql.refusals import Refusals
from application.ports.unit_of_work import Conflict, StorageUnavailable

# How long to wait for a free connection; a customer waits as long.
POOL_SECONDS: Final = 3.0

_DIALECT: Final = make_url("postgresql+asyncpg://").get_dialect()()

Rows = Sequence[tuple[Any, ...]]
"""The rows that a statement returns."""


@frozen
class Statement:
    """A statement that is compiled once, so that running it costs only its round trip."""

    text: str
    names: tuple[str, ...]

    @classmethod
    def of(cls, statement: ClauseElement) -> "Statement":
        """Compile a statement of SQLAlchemy."""
        compiled = statement.compile(dialect=_DIALECT)
        assert isinstance(compiled, SQLCompiler), "not DDL"  # noqa: S101
        return cls(str(compiled), tuple(compiled.positiontup or ()))

    def parameters(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return the values in the order of the statement's parameters."""
        return tuple(values[name] for name in self.names)


class _ConnectionLost(StorageUnavailable):
    """The connection was lost during a statement, which may have been executed."""


Epoch = tuple[int, int]
"""How many connections had been lost when something was read, and opened when it was written."""

# Whether a server was read-only when its connection opened; it may be all that there is to read.
READ_ONLY: Final = "read-only"

# How many connections were opened before and with a connection.
NUMBER: Final = "number"


def says_read_only(driver: Any) -> bool:
    """Whether the server last said that it is a standby or was made read-only.

    From version 14 on, servers report both when a connection opens, and a change with their next
    reply.
    """
    settings = driver.get_settings()
    return "on" in (
        getattr(settings, "in_hot_standby", None),
        getattr(settings, "default_transaction_read_only", None),
    )


@define(eq=False)
class _Pool:
    """What happened to a pool's connections; its methods are listeners of the pool's events."""

    lost: int = 0
    """How many connections were lost or thrown away."""
    opened: int = 0
    """How many connections were opened."""
    trusted: int = 0
    """Rises when all connections opened so far must not be used again."""

    def on_connect(self, _connection: object, record: ConnectionPoolEntry) -> None:
        self.opened += 1
        record.info[NUMBER] = self.opened
        record.info[self] = self.trusted
        record.info[READ_ONLY] = says_read_only(record.driver_connection)

    def on_checkout(
        self, _connection: object, record: ConnectionPoolEntry, proxy: PoolProxiedConnection
    ) -> None:
        """Reject a connection that the server has closed, as in a restart, or a distrusted one."""
        driver: asyncpg.Connection[Any] | None = proxy.driver_connection
        is_open = driver is not None and not driver.is_closed()
        if not is_open or record.info.setdefault(self, self.trusted) != self.trusted:
            raise DisconnectionError

    def on_invalidate(self, *_: object) -> None:
        self.lost += 1


@frozen
class Database:
    """PostgreSQL, through a pool of connections.

    Statements run directly on asyncpg: SQLAlchemy's execution layer would take three times as much
    CPU time as the driver itself.
    """

    engine: AsyncEngine
    refusals: Refusals = field(factory=Refusals, init=False)
    _free: asyncio.Semaphore = field(init=False)
    _pool: _Pool = field(factory=_Pool, init=False)

    def __attrs_post_init__(self) -> None:
        engine = self.engine.sync_engine
        event.listen(engine, "connect", self._pool.on_connect)
        event.listen(engine, "checkout", self._pool.on_checkout)
        event.listen(engine, "invalidate", self._pool.on_invalidate)

    @_free.default
    def _create_semaphore(self) -> asyncio.Semaphore:
        """Serve callers in the order of their requests, which the pool itself does not."""
        pool = self.engine.pool
        assert isinstance(pool, QueuePool), "created by create_engine"  # noqa: S101
        return asyncio.Semaphore(pool.size())

    @property
    def generation(self) -> int:
        """A number that rises whenever a connection was lost or thrown away.

        While it stays the same, the statements have reached the same servers. After a failover or a
        restore it is higher, so what is stored may be older than what was read before.
        """
        return self._pool.lost

    def epoch_of(self, generation: int) -> Epoch:
        """Return the epoch of what was read at this generation and has just been committed."""
        return generation, self._pool.opened

    async def run(self, statement: Statement, **values: Any) -> Rows:
        """Run an idempotent statement; run it again if its connection was lost.

        Raises:
            StorageUnavailable: the database cannot be reached, or not in time.
        """
        parameters = statement.parameters(values)
        with translating_errors():
            try:
                return await self._run(statement.text, parameters)
            except _ConnectionLost:
                return await self._run(statement.text, parameters)

    async def commit(self, statement: Statement, epoch: Epoch | None = None, **values: Any) -> Rows:
        """Run a statement that writes everything or nothing; return its rows.

        With an epoch, its guards are as old: it only runs on a connection that was open then, and
        if none was lost since. Another server may have lost what was read, and have the same
        revisions for something else.

        Raises:
            Conflict: a guard rejected it, the epoch has ended, or its reply was lost.
            StorageUnavailable: the database cannot be reached, or not in time.
        """
        with translating_errors():
            try:
                return await self._run(statement.text, statement.parameters(values), epoch)
            except _ConnectionLost as lost:
                raise Conflict(str(lost)) from lost
            except asyncpg.PostgresError as error:
                if fault_of(error) is Fault.CONFLICT:
                    raise Conflict(reason_of(error)) from error
                raise

    async def has_pooler(self) -> bool:
        """Whether a connection pooler does not keep prepared statements.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
        async with self._connection() as connection:
            # asyncpg's classes count any connection as an instance of each of them.
            return type(connection.driver_connection) is PooledConnection

    def distrust_connections(self) -> None:
        """Replace every connection at its next use: their server is not what it was."""
        self._pool.trusted += 1

    async def _run(
        self, text: str, parameters: tuple[Any, ...], epoch: Epoch | None = None
    ) -> Rows:
        async with self._connection() as connection:
            if epoch is not None and not self._is_in(epoch, connection):
                raise Conflict("connections were lost or opened since it was read")
            driver: asyncpg.Connection[Any] | None = connection.driver_connection
            assert driver is not None, "a connection from the pool is open"  # noqa: S101
            try:
                rows = await driver.fetch(text, *parameters)
            except Exception as error:
                self.refusals.note(error)
                fault = fault_of(error)
                if driver.is_closed() or fault is Fault.LOST:
                    connection.invalidate(error)
                    raise _ConnectionLost(reason_of(error)) from error
                if fault is Fault.READ_ONLY or isinstance(error, TimeoutError):
                    # After a failover. A server that does not reply may be frozen, and then each
                    # of its connections would cost another caller the same time.
                    self.distrust_connections()
                if not isinstance(error, (asyncpg.PostgresError, asyncpg.InterfaceError)):
                    connection.invalidate(error)  # the reply may still arrive
                raise
            except BaseException as error:  # cancellation: the reply may still arrive
                connection.invalidate(error)
                raise
            if says_read_only(driver) and not connection.info.get(READ_ONLY):
                # It was the primary when this connection opened: what it returns is outdated.
                self.distrust_connections()
                raise _ConnectionLost("the server has become read-only")
            return rows

    def _is_in(self, epoch: Epoch, connection: PoolProxiedConnection) -> bool:
        lost, opened = epoch
        return self._pool.lost == lost and connection.info.get(NUMBER, 0) <= opened

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[PoolProxiedConnection]:
        try:
            async with asyncio.timeout(POOL_SECONDS):
                await self._free.acquire()
        except TimeoutError:
            raise StorageUnavailable("all connections are in use") from None
        try:
            connection = await self._connect()
            try:
                yield connection
            finally:
                connection.close()
        finally:
            self._free.release()

    async def _connect(self) -> PoolProxiedConnection:
        try:
            return await self.engine.raw_connection()
        except Exception as error:
            self.refusals.note(error)
            raise StorageUnavailable(reason_of(error)) from error
