"""Several hosts, of which some are dead, frozen or read-only."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.engine import create_engine
from adapters.persistence.sql.statement import Statement
from application.ports.unit_of_work import StorageUnavailable
from payments_kit.servers.postgres import LocalPostgres
from payments_kit.servers.processes import free_port
from tests.tcp_proxy import TcpProxy

WHERE = Statement.of(text("SELECT inet_server_port()"))
WRITE = Statement.of(text("CREATE TABLE written ()"))


def on(url: str, *hosts: str, query: str = "connect_timeout=3") -> str:
    """Return the URL with other hosts."""
    parts = urlsplit(url)
    userinfo = parts.netloc.rpartition("@")[0]
    return parts._replace(netloc=f"{userinfo}@{','.join(hosts)}", query=query).geturl()


def host(port: int) -> str:
    return f"127.0.0.1:{port}"


@asynccontextmanager
async def opened(url: str, pool_size: int = 2) -> AsyncIterator[Database]:
    database = Database(create_engine(url, pool_size, statement_seconds=3.0))
    yield database
    await database.engine.dispose()


async def test_a_dead_host_is_skipped(database_url: str, postgres_server: LocalPostgres) -> None:
    url = on(database_url, host(free_port()), host(postgres_server.port))
    async with opened(url) as database:
        await database.run(WRITE)


async def test_a_frozen_host_costs_its_own_time_once(
    database_url: str, postgres_server: LocalPostgres, proxy: TcpProxy
) -> None:
    proxy.hold()
    url = on(database_url, host(proxy.port), host(postgres_server.port))
    async with opened(url) as database:
        await database.run(WRITE)
        assert proxy.connections <= 1
        tried = proxy.accepted
        database.distrust_connections()
        await asyncio.gather(*(database.run(WHERE) for _ in range(4)))
        assert proxy.accepted == tried, "the last good host is tried first"


async def test_a_server_that_freezes_is_left_for_the_next_host(
    database_url: str, postgres_server: LocalPostgres, proxy: TcpProxy
) -> None:
    url = on(database_url, host(proxy.port), host(postgres_server.port))
    async with opened(url) as database:
        pause = Statement.of(text("SELECT pg_sleep(0.05)"))
        await asyncio.gather(*(database.run(pause) for _ in range(2)))
        proxy.hold()
        with pytest.raises(StorageUnavailable):
            await database.run(WHERE)
        # The other connection to the frozen server is not waited for.
        await asyncio.gather(*(database.run(WHERE) for _ in range(2)))
        await database.run(WRITE)


async def test_a_read_only_host_is_skipped(
    database_url: str, postgres_server: LocalPostgres
) -> None:
    name = urlsplit(database_url).path[1:]
    with LocalPostgres(fsync=False) as other:
        other.create_database(name)
        other.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        other.execute(f"ALTER ROLE payments PASSWORD '{urlsplit(database_url).password}'")
        both = host(other.port), host(postgres_server.port)
        async with opened(on(database_url, *both)) as database:
            assert await database.run(WHERE) == [(postgres_server.port,)]
        any_server = "target_session_attrs=any"
        async with opened(on(database_url, *both, query=any_server)) as database:
            assert await database.run(WHERE) == [(other.port,)]
        async with opened(on(database_url, both[0], host(free_port()))) as database:
            with pytest.raises(StorageUnavailable, match=r"read-only; .*refused") as raised:
                await database.run(WHERE)
            assert len(str(raised.value).splitlines()) == 1


@pytest.fixture
def socket_folder() -> Iterator[Path]:
    """A folder with a short path in which the server's user may create a socket."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


async def test_a_unix_socket_is_used(socket_folder: Path) -> None:
    settings = {"unix_socket_directories": str(socket_folder)}
    with LocalPostgres(fsync=False, settings=settings) as server:
        parts = urlsplit(server.url)
        query = f"host={socket_folder}&port={server.port}&sslmode=require"
        url = f"postgresql://{parts.username}:{parts.password}@{parts.path}?{query}"
        async with opened(url) as database:
            assert await database.run(WHERE) == [(None,)]
