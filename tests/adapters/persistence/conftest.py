"""PostgreSQL, also through an unreliable network."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.engine import create_engine
from payments_kit.servers.postgres import LocalPostgres
from tests.contracts.conftest import sql
from tests.contracts.storages import Storage, storage_on
from tests.tcp_proxy import TcpProxy

__all__ = ["sql"]

# What a test waits for that reaches the timeout; much longer than a statement takes.
SHORT_SECONDS = 3.0


@pytest.fixture
def storage(sql: Database) -> Storage:
    """Return the storage adapters on the database."""
    return storage_on(sql)


@pytest.fixture
async def proxy(postgres_server: LocalPostgres) -> AsyncIterator[TcpProxy]:
    """Yield the proxy between the `proxied` database and its server."""
    async with TcpProxy(postgres_server.port) as proxy:
        yield proxy


@pytest.fixture
async def proxied(database_url: str, proxy: TcpProxy) -> AsyncIterator[Database]:
    """Yield a database behind the proxy, with one connection and a short timeout."""
    port = urlsplit(database_url).port
    url = database_url.replace(f":{port}/", f":{proxy.port}/")
    engine = create_engine(url, pool_size=1, statement_seconds=SHORT_SECONDS)
    yield Database(engine)
    await engine.dispose()
