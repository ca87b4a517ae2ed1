"""The connections to PostgreSQL."""

from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import asyncpg
from sqlalchemy import PoolProxiedConnection, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from adapters.persistence.sql.database import POOL_SECONDS

# A connection on one's own network opens in milliseconds, TLS included; a customer waits for it.
CONNECT_SECONDS: Final = 3.0

# The slowest of our statements take tens of milliseconds. A claim has to be through within
# FIRST_LOOK (domain/payment.py), or its charge may not be sent any more.
STATEMENT_SECONDS: Final = 4.0

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


def create_engine(
    database_url: str, pool_size: int = 10, statement_seconds: float = STATEMENT_SECONDS
) -> AsyncEngine:
    """Make a pool of so many connections at the most, opened when they are first needed.

    The address is `postgresql://user:password@host/database`; `postgres://` and
    `postgresql+asyncpg://` are taken too, and libpq's parameters such as `sslmode`. Each statement
    is a transaction of its own.
    """
    address = _for_asyncpg(database_url)

    async def connect() -> Any:  # its stubs know more kinds of connections than there are here
        return await asyncpg.connect(
            address,
            timeout=CONNECT_SECONDS,
            command_timeout=statement_seconds,
            # There are some twenty statements; each is prepared once on each connection.
            max_cached_statement_lifetime=0,
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
        # One whose predecessor was lost is tried next, and so opened anew.
        pool_use_lifo=True,
        hide_parameters=True,
    )
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    return engine


def _for_asyncpg(database_url: str) -> str:
    runtime = urlsplit(database_url)
    query = [(key, value) for key, value in parse_qsl(runtime.query) if key not in _LIBPQ_ONLY]
    scheme = runtime.scheme.removesuffix("+asyncpg")
    return runtime._replace(scheme=scheme, query=urlencode(query)).geturl()


def _refuse_closed(_connection: object, _record: object, proxy: PoolProxiedConnection) -> None:
    """Hand out no connection that the server has ended meanwhile, as in a restart."""
    driver: asyncpg.Connection[Any] | None = proxy.driver_connection
    if driver is None or driver.is_closed():
        raise DisconnectionError
