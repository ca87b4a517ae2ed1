"""Run statements, each in a transaction of its own, and translate errors to the port's errors."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

import asyncpg
from attrs import define, field, frozen
from sqlalchemy import ClauseElement, PoolProxiedConnection, QueuePool, event, make_url
from sqlalchemy import exc as sa
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.sql.compiler import SQLCompiler

from application.ports.unit_of_work import Conflict, StorageUnavailable

# How long to wait for a free connection; a customer waits as long.
POOL_SECONDS: Final = 3.0

# The codes below: https://www.postgresql.org/docs/current/errcodes-appendix.html

# Serialization failure (also raised by our own guard), deadlock detected, unique violation.
_CONFLICTS: Final = ("40001", "40P01", "23505")

# Connection exception, admin shutdown, crash shutdown, cannot connect now.
_LOST: Final = ("08", "57P01", "57P02", "57P03")

# Connection exception, invalid authorization, unknown database, serialization failure and deadlock
# (of a read), insufficient resources (disk full, too many connections), lock not available,
# operator intervention (shutdown, cancelled), system error, read-only transaction.
_UNAVAILABLE: Final = ("08", "28", "3D", "40", "53", "55P03", "57", "58", "25006")

# Unknown table, column or function: the schema is older than the program and must be migrated.
_NOT_MIGRATED: Final = ("42P01", "42703", "42883")

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


class _ConnectionLost(Exception):
    """The connection was lost during a statement, which may have been executed."""


@define
class _Generation:
    """Counts the connections of a pool that were lost or thrown away."""

    number: int = 0

    def increase(self, *_: object) -> None:
        """Count one more; a listener for the pool's event."""
        self.number += 1


@frozen
class Database:
    """PostgreSQL, through a pool of connections.

    Statements run directly on asyncpg: SQLAlchemy's execution layer would take three times as much
    CPU time as the driver itself.
    """

    engine: AsyncEngine
    _free: asyncio.Semaphore = field(init=False)
    _generation: _Generation = field(factory=_Generation, init=False)

    def __attrs_post_init__(self) -> None:
        event.listen(self.engine.sync_engine, "invalidate", self._generation.increase)

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
        return self._generation.number

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

    async def commit(self, statement: Statement, **values: Any) -> None:
        """Run a statement that writes everything or nothing.

        Raises:
            Conflict: a guard rejected it, or its reply was lost.
            StorageUnavailable: the database cannot be reached, or not in time.
        """
        with translating_errors():
            try:
                await self._run(statement.text, statement.parameters(values))
            except _ConnectionLost as lost:
                raise Conflict(str(lost)) from lost
            except asyncpg.PostgresError as error:
                if error.sqlstate in _CONFLICTS:
                    raise Conflict(_reason(error)) from error
                raise

    async def _run(self, text: str, parameters: tuple[Any, ...]) -> Rows:
        async with self._connection() as connection:
            driver: asyncpg.Connection[Any] | None = connection.driver_connection
            assert driver is not None, "a connection from the pool is open"  # noqa: S101
            try:
                return await driver.fetch(text, *parameters)
            except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                if driver.is_closed() or _state(error).startswith(_LOST):
                    connection.invalidate(error)
                    raise _ConnectionLost(_reason(error)) from error
                raise
            except (ConnectionError, asyncpg.InternalClientError) as error:
                connection.invalidate(error)
                raise _ConnectionLost(_reason(error)) from error
            except BaseException as error:  # timeout or cancellation: the reply may still arrive
                connection.invalidate(error)
                raise

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
            raise StorageUnavailable(_reason(error)) from error


@contextmanager
def translating_errors() -> Iterator[None]:
    """Translate errors of the driver to the port's errors; others, such as bugs, are unchanged.

    Raises:
        StorageUnavailable: the database cannot be reached, or not in time.
    """
    try:
        yield
    except (_ConnectionLost, sa.TimeoutError, OSError) as error:
        raise StorageUnavailable(_reason(error)) from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError, sa.DBAPIError) as error:
        state = _state(error)
        if state in _NOT_MIGRATED:
            raise StorageUnavailable(
                "the schema is older than this program: run `payments migrate`"
            ) from error
        if state.startswith(_UNAVAILABLE):
            raise StorageUnavailable(_reason(error)) from error
        raise


def _state(error: Exception) -> str:
    """Return the SQLSTATE of an error; empty if the server did not report it."""
    return getattr(_driver_error(error), "sqlstate", None) or ""


def _reason(error: Exception) -> str:
    """Return one line for logs, without the statement (long) and its values (private)."""
    driver_error = _driver_error(error)
    if isinstance(driver_error, TimeoutError):
        return "no reply within the timeout"
    return f"{type(driver_error).__name__}: {driver_error}".splitlines()[0]


def _driver_error(error: Exception) -> BaseException:
    """Return asyncpg's error, which SQLAlchemy wraps in migrations."""
    if isinstance(error, sa.DBAPIError) and error.orig is not None:
        return error.orig.__cause__ or error.orig
    if isinstance(error, sa.EmulatedDBAPIException):
        return error.__cause__ or error
    return error
