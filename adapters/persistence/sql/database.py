"""Running statements: each is a transaction of its own, and each failure gets the port's name."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import asyncpg
from attrs import frozen
from sqlalchemy import ClauseElement, make_url
from sqlalchemy import exc as sa
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.sql.compiler import SQLCompiler

from application.ports.unit_of_work import Conflict, StorageUnavailable

# https://www.postgresql.org/docs/current/errcodes-appendix.html: "serialization failure" (our
# guards raise it too), "deadlock detected", "unique violation".
_CONFLICTS: Final = ("40001", "40P01", "23505")

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


@frozen
class Database:
    """PostgreSQL, reached through a pool of connections."""

    engine: AsyncEngine

    async def run(self, statement: Statement, **values: Any) -> Rows:
        """Run a statement that bears repeating; once more if its connection had gone stale.

        Raises:
            StorageUnavailable: the database cannot be reached, or not in time.
        """
        parameters = statement.parameters(values)
        with translating_errors():
            try:
                return await self._run(statement, parameters)
            except (sa.DBAPIError, OSError) as error:
                if not _was_lost(error):
                    raise
            return await self._run(statement, parameters)

    async def commit(self, statement: Statement, **values: Any) -> None:
        """Run a statement that writes everything or nothing.

        Raises:
            Conflict: a guard stopped it, or its reply was lost.
            StorageUnavailable: the database cannot be reached, or not in time.
        """
        parameters = statement.parameters(values)
        with translating_errors():
            async with self.engine.connect() as connection:
                try:
                    await connection.exec_driver_sql(statement.text, parameters)
                except (sa.DBAPIError, OSError) as error:
                    if _was_lost(error) or _state(error) in _CONFLICTS:
                        raise Conflict(_reason(error)) from error
                    raise

    async def _run(self, statement: Statement, parameters: tuple[Any, ...]) -> Rows:
        async with self.engine.connect() as connection:
            result = await connection.exec_driver_sql(statement.text, parameters)
            return result.all() if result.returns_rows else ()


@contextmanager
def translating_errors() -> Iterator[None]:
    """Give the failures of a database the port's name for them.

    Raises:
        StorageUnavailable: the database cannot be reached, or not in time.
    """
    try:
        yield
    except (sa.DBAPIError, sa.TimeoutError, asyncpg.PostgresError, OSError) as error:
        state = _state(error)
        if state in _NOT_MIGRATED:
            raise StorageUnavailable("the schema is not the newest; migrate it") from error
        if not state or state.startswith(_UNAVAILABLE):
            raise StorageUnavailable(_reason(error)) from error
        raise


def _state(error: Exception) -> str:
    """The server's five letters for what went wrong, if it was the server who said it."""
    return getattr(_driver_error(error), "sqlstate", None) or ""


def _was_lost(error: Exception) -> bool:
    """Whether the connection was lost, or held statements that a migration has made useless."""
    if isinstance(error, sa.DBAPIError):
        outdated = isinstance(_driver_error(error), asyncpg.InvalidCachedStatementError)
        return error.connection_invalidated or outdated
    return not isinstance(error, TimeoutError)


def _reason(error: Exception) -> str:
    """One line for logs: without the statement, which is long, and its values, which are private."""
    driver_error = _driver_error(error)
    said = str(driver_error).splitlines()
    return f"{type(driver_error).__name__}: {said[0] if said else ''}"


def _driver_error(error: Exception) -> BaseException:
    """What asyncpg raised, below what SQLAlchemy made of it."""
    if isinstance(error, sa.DBAPIError) and error.orig is not None:
        return error.orig.__cause__ or error.orig
    return error
