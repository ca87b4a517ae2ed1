"""The connections to PostgreSQL, and whether what is at their other end will do."""

from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg
from attrs import frozen
from sqlalchemy import ExceptionContext, event, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from adapters.persistence.sql.database import Database, Statement, translating_errors

# A connection on one's own network opens in milliseconds, TLS included; a customer waits for it.
CONNECT_SECONDS: Final = 3.0

# How long a customer waits for a connection that others are using.
POOL_SECONDS: Final = 3.0

# The slowest of our statements take tens of milliseconds. A claim has to be through within
# FIRST_LOOK (domain/payment.py), or its charge may not be sent any more.
STATEMENT_SECONDS: Final = 4.0

# What is written for it (partial unique indexes with ON CONFLICT, unnest, num_nulls) is older, but
# older servers get no more fixes (https://www.postgresql.org/support/versioning/).
OLDEST_SERVER: Final = 150000

# Parameters of libpq that hosts put into their addresses and asyncpg hands to the server, which
# refuses them. They tune the connection; none of them decides whether it is encrypted.
_LIBPQ_ONLY: Final = frozenset(
    {
        "channel_binding",
        "connect_timeout",
        "gssencmode",
        "keepalives",
        "keepalives_count",
        "keepalives_idle",
        "keepalives_interval",
        "sslcompression",
        "tcp_user_timeout",
    }
)

# The server ends the connection, or is about to: "connection exception", "admin shutdown", "crash
# shutdown" and "cannot connect now" (https://www.postgresql.org/docs/current/errcodes-appendix.html).
_CONNECTION_ENDS: Final = ("08", "57P01", "57P02", "57P03")


def create_engine(
    database_url: str, pool_size: int = 10, statement_seconds: float = STATEMENT_SECONDS
) -> AsyncEngine:
    """Make a pool of so many connections at the most, opened when they are first needed.

    The address is `postgresql://user:password@host/database`; `postgres://` and
    `postgresql+asyncpg://` are taken too, and libpq's parameters such as `sslmode`. Each statement
    is a transaction of its own.
    """
    address = _for_asyncpg(database_url)

    async def connect() -> Any:  # asyncpg's own connection, which its stubs call otherwise
        return await asyncpg.connect(
            address,
            timeout=CONNECT_SECONDS,
            command_timeout=statement_seconds,
            server_settings={"application_name": "payments"},
        )

    engine = create_async_engine(
        # The address holds a password, and an engine shows its own in its repr.
        "postgresql+asyncpg://",
        async_creator=connect,
        isolation_level="AUTOCOMMIT",
        pool_size=pool_size,
        # Connections beyond the pool would be opened and closed again and again under load.
        max_overflow=0,
        pool_timeout=POOL_SECONDS,
        # The connection used last is used next, so a quiet service has few warm ones.
        pool_use_lifo=True,
        hide_parameters=True,
    )
    event.listen(engine.sync_engine, "handle_error", _give_up_connection)
    return engine


def _for_asyncpg(database_url: str) -> str:
    parts = urlsplit(database_url)
    query = [(key, value) for key, value in parse_qsl(parts.query) if key not in _LIBPQ_ONLY]
    return urlunsplit(parts._replace(scheme="postgresql", query=urlencode(query)))


def _give_up_connection(context: ExceptionContext) -> None:
    """Let no connection go back into the pool that cannot be trusted any more."""
    state = getattr(context.original_exception, "sqlstate", None) or ""
    if state.startswith(_CONNECTION_ENDS):
        context.is_disconnect = True
    elif isinstance(context.original_exception, TimeoutError):
        # Perhaps the server hangs, and a statement on this connection would wait for it again;
        # it says nothing about the other connections.
        context.is_disconnect = True
        context.invalidate_pool_on_disconnect = False


_SERVER: Final = Statement.of(
    text("SELECT current_setting('server_version_num')::int, current_setting('server_version')")
)


@frozen
class Checkup:
    """What was found at the other end, and what is wrong with it, one line each."""

    server: str
    revision: str | None
    """The schema; None if there is none."""
    problems: tuple[str, ...]


async def check(engine: AsyncEngine) -> Checkup:
    """Look at the server and the schema.

    Raises:
        StorageUnavailable: the database cannot be reached.
    """
    from adapters.persistence.sql.migrate import current_revision, newest_revision

    [(number, server)] = await Database(engine).run(_SERVER)
    with translating_errors():
        async with engine.connect() as connection:
            revision = await current_revision(connection)
    problems = []
    if number < OLDEST_SERVER:
        problems.append(f"PostgreSQL {server} is too old: 15 or newer is needed")
    if revision != newest_revision():
        has = f"schema {revision}" if revision else "no schema"
        problems.append(f"the database has {has}, and {newest_revision()} is needed: migrate it")
    return Checkup(server, revision, tuple(problems))
