"""Running statements: each is a transaction of its own, and each failure gets the port's name."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

import asyncpg
from attrs import field, frozen
from sqlalchemy import ClauseElement, PoolProxiedConnection, QueuePool, make_url
from sqlalchemy import exc as sa
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.sql.compiler import SQLCompiler

from application.ports.unit_of_work import Conflict, StorageUnavailable

# How long a customer waits for a connection that others are using.
POOL_SECONDS: Final = 3.0

# https://www.postgresql.org/docs/current/errcodes-appendix.html says what the codes below mean.

# Serialization failure (our own guard raises it too), deadlock detected, unique violation.
_CONFLICTS: Final = ("40001", "40P01", "23505")

# Connection exception, and the server's end: admin shutdown, crash shutdown, cannot connect now.
_LOST: Final = ("08", "57P01", "57P02", "57P03")

# Connection exception, invalid authorization, no such database, serialization failure and deadlock
# (of a read), insufficient resources (disk full, too many connections), lock not available,
# operator intervention (shutdown, cancelled), system error, read-only transaction.
_UNAVAILABLE: Final = ("08", "28", "3D", "40", "53", "55P03", "57", "58", "25006")

# No such table, column or function: the schema is older than the program, until it is migrated.
_NOT_MIGRATED: Final = ("42P01", "42703", "42883")

_DIALECT: Final = make_url("postgresql+asyncpg://").get_dialect()()

Rows = Sequence[tuple[Any, ...]]
"""What a statement found."""


@frozen
class Statement:
    """A statement compiled once, so that running it costs no more than its round trip."""

    text: str
    names: tuple[str, ...]

    @classmethod
    def of(cls, statement: ClauseElement) -> "Statement":
        """Compile what SQLAlchemy has built."""
        compiled = statement.compile(dialect=_DIALECT)
        assert isinstance(compiled, SQLCompiler), "it is no DDL"  # noqa: S101
        return cls(str(compiled), tuple(compiled.positiontup or ()))

    def parameters(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        """The values in the order in which the statement names them."""
        return tuple(values[name] for name in self.names)


class _ConnectionLost(Exception):
    """The connection broke under a statement, which may have been carried out."""


@frozen
class Database:
    """PostgreSQL, reached through a pool of connections.

    Statements run on asyncpg itself: what SQLAlchemy does for a statement between its text and
    the driver costs three times what the driver does.
    """

    engine: AsyncEngine
    _places: asyncio.Semaphore = field(init=False)

    @_places.default
    def _as_many_as_connections(self) -> asyncio.Semaphore:
        """First come, first served: the pool itself serves whoever asks at the right moment."""
        pool = self.engine.pool
        assert isinstance(pool, QueuePool), "create_engine made it"  # noqa: S101
        return asyncio.Semaphore(pool.size())

    async def run(self, statement: Statement, **values: Any) -> Rows:
        """Run a statement that bears repeating; once more if its connection turned out to be lost.

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
            Conflict: a guard stopped it, or its reply was lost.
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
            assert driver is not None, "it was just opened"  # noqa: S101
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
            except BaseException as error:  # a timeout or a cancellation: its reply may still come
                connection.invalidate(error)
                raise

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[PoolProxiedConnection]:
        try:
            async with asyncio.timeout(POOL_SECONDS):
                await self._places.acquire()
        except TimeoutError:
            raise StorageUnavailable("every connection is in use") from None
        try:
            connection = await self._connect()
            try:
                yield connection
            finally:
                connection.close()
        finally:
            self._places.release()

    async def _connect(self) -> PoolProxiedConnection:
        try:
            return await self.engine.raw_connection()
        except Exception as error:
            raise StorageUnavailable(_reason(error)) from error


@contextmanager
def translating_errors() -> Iterator[None]:
    """Give the failures of a database the port's name for them.

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
            raise StorageUnavailable("the schema is not the newest; migrate it") from error
        if state.startswith(_UNAVAILABLE):
            raise StorageUnavailable(_reason(error)) from error
        raise


def _state(error: Exception) -> str:
    """The server's five letters for what went wrong, if it was the server who said it."""
    return getattr(_driver_error(error), "sqlstate", None) or ""


def _reason(error: Exception) -> str:
    """One line for logs: without the statement, which is long, and its values, which are private."""
    driver_error = _driver_error(error)
    if isinstance(driver_error, TimeoutError):
        return "no reply in time"
    return f"{type(driver_error).__name__}: {driver_error}".splitlines()[0]


def _driver_error(error: Exception) -> BaseException:
    """What asyncpg raised, below what SQLAlchemy made of it (in a migration)."""
    if isinstance(error, sa.DBAPIError) and error.orig is not None:
        return error.orig.__cause__ or error.orig
    if isinstance(error, sa.EmulatedDBAPIException):
        return error.__cause__ or error
    return error
