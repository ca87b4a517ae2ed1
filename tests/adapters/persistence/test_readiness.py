"""Readiness: 200 or 503 by what the database says, whatever else goes on."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.readiness import QUESTION, Readiness
from adapters.persistence.sql.statement import Statement
from application.ports.unit_of_work import StorageUnavailable
from entrypoints.composition.http import open_http
from entrypoints.settings import Settings
from tests.tcp_proxy import TcpProxy

TIMEOUT_SECONDS = 60.0


@pytest.fixture
async def readiness(sql: Database, database_url: str) -> AsyncIterator[Readiness]:
    async with Readiness.on(database_url, "auto") as readiness:
        yield readiness


@pytest.fixture
def proxied_url(database_url: str, proxy: TcpProxy) -> str:
    return database_url.replace(f":{urlsplit(database_url).port}/", f":{proxy.port}/")


async def test_it_does_not_wait_for_the_pool(database_url: str) -> None:
    settings = Settings(
        database_url=database_url,
        nats_url="nats://127.0.0.1:1",
        jwt_key="key",
        payment_gateways=("fake",),
        database_pool=1,
    )
    async with open_http(settings) as dependencies:
        database = dependencies.idempotency_store._database  # type: ignore[attr-defined]
        only = await database.pool.acquire()
        async with asyncio.timeout(TIMEOUT_SECONDS):
            await dependencies.checks["database"]()
        database.pool.release(only)


async def test_probes_at_the_same_time_share_one_question_that_outlives_them(
    proxied_url: str, proxy: TcpProxy
) -> None:
    async with Readiness.on(proxied_url, "auto") as readiness, asyncio.timeout(TIMEOUT_SECONDS):
        await readiness.check()
        asked = proxy.requests
        await asyncio.gather(*(readiness.check() for _ in range(20)))
        assert proxy.requests - asked <= 2  # one statement; how TCP cuts it is not ours

        proxy.hold()
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await readiness.check()
        waiting = asyncio.create_task(readiness.check())
        proxy.heal()
        await waiting
        assert proxy.connections == 1


async def test_a_probe_that_gives_up_takes_no_answer_from_another(
    proxied_url: str, proxy: TcpProxy
) -> None:
    async with Readiness.on(proxied_url, "auto") as readiness, asyncio.timeout(TIMEOUT_SECONDS):
        proxy.hold()
        patient = asyncio.create_task(readiness.check())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await readiness.check()
        proxy.heal()
        await patient
        assert proxy.connections == 1


async def test_it_is_unready_while_the_server_is_read_only_and_ready_again_on_a_new_connection(
    readiness: Readiness, sql: Database, database_url: str
) -> None:
    name = urlsplit(database_url).path[1:]

    async def set_read_only(value: str) -> None:
        # The connection of the test was opened before, so it still writes.
        change = f"ALTER DATABASE {name} SET default_transaction_read_only = {value}"
        await sql.run(Statement.of(text(change)))

    await sql.run(Statement.of(text("SELECT 1")))
    await set_read_only("on")
    with pytest.raises(StorageUnavailable, match="read-only"):
        await readiness.check()
    await set_read_only("off")
    await readiness.check()


async def test_it_is_unready_while_the_database_cannot_be_reached_and_recovers(
    proxied_url: str, proxy: TcpProxy
) -> None:
    async with Readiness.on(proxied_url, "auto") as readiness:
        await readiness.check()
        proxy.refuse()
        with pytest.raises(StorageUnavailable):
            await readiness.check()
        proxy.heal()
        await readiness.check()
        proxy.cut()  # as in a restart
        await readiness.check()


async def test_the_question_reads_one_row_however_much_is_stored(sql: Database) -> None:
    plan = await sql.run(Statement.of(text(f"EXPLAIN {QUESTION.text}")))

    assert "payments_schema_version" in str(plan)
    assert "outbox" not in str(plan)
