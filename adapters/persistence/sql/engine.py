"""The connection pool."""

from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from adapters.persistence.sql.database import POOL_SECONDS

# In a local network a connection opens within milliseconds, TLS included; a customer waits for it.
CONNECT_SECONDS: Final = 3.0

# Our slowest statements take tens of milliseconds. A claim must be committed well within
# FIRST_CHECK_AFTER (domain/payment.py), because its charge may not be sent later.
STATEMENT_SECONDS: Final = 4.0

# Parameters of libpq that hosting providers put into URLs and asyncpg does not support: it would
# pass them to the server, which rejects them. `sslmode`, which requires TLS, is not one of them.
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
    """Create a pool of up to `pool_size` connections, which are opened when they are needed.

    `database_url` is `postgresql://user:password@host/database`; `postgres://`,
    `postgresql+asyncpg://` and libpq's parameters such as `sslmode` are accepted as well.
    `statement_seconds` is the timeout of one statement. Each statement is a transaction of its own.
    """
    url = _for_asyncpg(database_url)

    async def connect() -> Any:  # asyncpg's stubs return a union of connection types
        return await asyncpg.connect(
            url,
            timeout=CONNECT_SECONDS,
            command_timeout=statement_seconds,
            # There are about twenty statements; each is prepared once for each connection.
            max_cached_statement_lifetime=0,
            server_settings={"application_name": "payments"},
        )

    return create_async_engine(
        # The URL contains a password, and the repr of an engine shows its URL.
        "postgresql+asyncpg://",
        async_creator=connect,
        isolation_level="AUTOCOMMIT",
        pool_size=pool_size,
        # Connections beyond the pool would be opened and closed repeatedly under load.
        max_overflow=0,
        pool_timeout=POOL_SECONDS,
        # After a lost connection, its replacement is the next one used.
        pool_use_lifo=True,
        hide_parameters=True,
    )


def _for_asyncpg(database_url: str) -> str:
    url = urlsplit(database_url)
    query = [(key, value) for key, value in parse_qsl(url.query) if key not in _LIBPQ_ONLY]
    scheme = url.scheme.removesuffix("+asyncpg")
    return url._replace(scheme=scheme, query=urlencode(query)).geturl()
