"""The engine of SQLAlchemy, and the pool of connections beside it."""

import logging
import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from attrs import define, field
from sqlalchemy import AsyncAdaptedQueuePool, PoolProxiedConnection, event
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.util import await_only

from adapters.persistence.sql.connector import Connector
from adapters.persistence.sql.database_url import DatabaseUrl, Prepared
from adapters.persistence.sql.pool import POOL_SECONDS, ConnectionPool, Driver

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

# Our slowest statements take tens of milliseconds. A claim must be committed well within
# FIRST_CHECK_AFTER (domain/check_times.py), because its charge may not be sent later.
STATEMENT_SECONDS: Final = 4.0

_DRIVER: Final = PGDialect_asyncpg.import_dbapi()  # type: ignore[no-untyped-call]


_TRUSTED: Final = "trusted"


class _EnginePool(AsyncAdaptedQueuePool):
    """SQLAlchemy's own connections; it closes those of the other pool with them."""

    connections: ConnectionPool

    def on_connect(self, _connection: object, record: ConnectionPoolEntry) -> None:
        """Remember whether a connection was opened before others became distrusted."""
        record.info[_TRUSTED] = self.connections.trusted

    def on_checkout(
        self, _connection: object, record: ConnectionPoolEntry, proxy: PoolProxiedConnection
    ) -> None:
        """Reject a connection that the server has closed, as in a restart, or a distrusted one."""
        driver: Driver | None = proxy.driver_connection
        is_open = driver is not None and not driver.is_closed()
        if not is_open or record.info.get(_TRUSTED) != self.connections.trusted:
            raise DisconnectionError

    def recreate(self) -> "_EnginePool":
        pool = super().recreate()
        assert isinstance(pool, _EnginePool), "of the same class"  # noqa: S101
        pool.connections = self.connections
        return pool

    def dispose(self) -> None:
        super().dispose()
        await_only(self.connections.close())


# SQLAlchemy keeps its own pools this quiet; the pool's logger has the name of our class.
logging.getLogger(f"{__name__}.{_EnginePool.__name__}").setLevel(logging.WARNING)


@define(eq=False)
class _EngineIfNeeded:
    """SQLAlchemy's engine, which is made when a transaction begins with it.

    In `serve` and the worker hardly anything does, and SQLAlchemy imports its ORM with it: 45 ms
    and 7 MB.
    """

    connections: ConnectionPool = field(repr=False)
    _make: "Callable[[], AsyncEngine]" = field(repr=False)
    _made: "AsyncEngine | None" = field(default=None, init=False, repr=False)

    def __getattr__(self, name: str) -> Any:
        if self._made is None:
            self._made = self._make()
        return getattr(self._made, name)

    async def dispose(self) -> None:
        """Close the connections of both pools."""
        if self._made is None:
            await self.connections.close()
        else:
            await self._made.dispose()


def connections_of(engine: "AsyncEngine") -> ConnectionPool:
    """Return the pool of connections without SQLAlchemy; `engine.dispose` closes them, too."""
    made: object = engine
    assert isinstance(made, _EngineIfNeeded), "created by create_engine"  # noqa: S101
    return made.connections


def create_engine(
    database_url: str,
    pool_size: int = 10,
    statement_seconds: float = STATEMENT_SECONDS,
    prepared: Prepared = "auto",
) -> "AsyncEngine":
    """Create a pool of up to `pool_size` connections, which are opened when they are needed.

    `Database` uses them. SQLAlchemy opens as many of its own if it runs transactions.

    `database_url` is any URL that libpq accepts. `statement_seconds` is the timeout of one
    statement. Each statement is a transaction of its own.

    Raises:
        InvalidSetting: the URL is malformed or has a parameter that cannot be honoured.
    """
    url = DatabaseUrl.parse(database_url, os.environ)
    connector = Connector(url, statement_seconds, prepared)
    connections = ConnectionPool(connector, pool_size)
    made = _EngineIfNeeded(connections, partial(_make, connector, connections, pool_size))
    return cast("AsyncEngine", made)


def _make(connector: Connector, connections: ConnectionPool, pool_size: int) -> "AsyncEngine":
    from sqlalchemy.ext.asyncio import create_async_engine

    def create() -> Any:  # SQLAlchemy's adapter of a connection, which has no public type
        # Behind a connection pooler, a statement prepared in one transaction is gone in the next.
        return _DRIVER.connect(async_creator_fn=connector.connect, prepared_statement_cache_size=0)

    engine = create_async_engine(
        # The URL contains a password, and the repr of an engine shows its URL.
        "postgresql+asyncpg://",
        creator=create,
        poolclass=_EnginePool,
        pool_size=pool_size,
        # Connections beyond the pool would be opened and closed repeatedly under load.
        max_overflow=0,
        pool_timeout=POOL_SECONDS,
        pool_use_lifo=True,
        hide_parameters=True,
    )
    assert isinstance(engine.pool, _EnginePool), "as asked for"  # noqa: S101
    engine.pool.connections = connections
    event.listen(engine.sync_engine, "connect", engine.pool.on_connect)
    event.listen(engine.sync_engine, "checkout", engine.pool.on_checkout)
    return engine
