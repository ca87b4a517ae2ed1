"""Connection poolers, which may run each transaction on another server connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import select, text

from adapters.persistence.sql import pool
from adapters.persistence.sql.database import Database
from adapters.persistence.sql.database_url import Prepared
from adapters.persistence.sql.engine import create_engine
from adapters.persistence.sql.health_check import check
from adapters.persistence.sql.migrate import migrate, newest_revision
from adapters.persistence.sql.outbox_signal import SqlOutboxSignal
from adapters.persistence.sql.statement import Statement
from adapters.persistence.sql.tables import relay
from application.ports.unit_of_work import StorageUnavailable, UnitOfWork
from application.retry import RetryOnConflict
from domain.identifiers import OrderId
from tests.adapters.persistence.poolers import PGBOUNCER, pgbouncer, small_pooler
from tests.builders import an_order, created_event
from tests.checkpoints import TIMEOUT
from tests.contracts.outbox_queue import failure
from tests.contracts.storages import storage_on

# Far more than there are connections, so that transactions of several clients alternate.
CLIENTS = 40
POOL = 4

# One use mostly suffices; on a quiet machine, each client may keep its connection for once.
MAX_USES = 20

SLEEPING = Statement.of(select(relay).where(relay.c.sleeps_until.is_not(None)))

PREPARED = Statement.of(text("SELECT count(*) FROM pg_prepared_statements"))


@pytest.fixture(params=["small", "pgbouncer"])
async def pooled_url(empty_database_url: str, request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """Yield the URL of an empty database behind a pooler in transaction mode."""
    if request.param == "small":
        async with small_pooler(empty_database_url) as url:
            yield url
    elif PGBOUNCER is None:
        pytest.skip("PgBouncer is not installed; the small pooler stands for it")
    else:
        async with pgbouncer(empty_database_url, "transaction") as url:
            yield url


@asynccontextmanager
async def opened(url: str, prepared: Prepared = "auto") -> AsyncIterator[Database]:
    engine = create_engine(url, POOL, prepared=prepared)
    yield Database(engine)
    await engine.dispose()


async def use(database: Database) -> None:
    """Write and read an order for each client, all at once; each must find its own."""
    storage = storage_on(database)

    async def write_and_read(order_id: str) -> None:
        async def decision(work: UnitOfWork) -> None:
            await work.orders.get(OrderId(order_id))
            work.orders.save(an_order(replica=created_event(order_id)))

        # A connection that is opened between reading and commit is a conflict.
        await RetryOnConflict(storage.begin)(decision)
        assert (await storage.read(order_id)).id == order_id

    await asyncio.gather(*(write_and_read(f"order-{number}") for number in range(CLIENTS)))


async def use_often(database: Database) -> None:
    """Use it until a client surely has had another connection of the pooler than before."""
    for _ in range(MAX_USES):
        await use(database)


@pytest.mark.parametrize("query", ["", "pgbouncer=true"])
async def test_everything_works_behind_a_pooler_that_loses_prepared_statements(
    pooled_url: str, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "POOL_SECONDS", TIMEOUT)  # so many clients, on a busy machine
    url = f"{pooled_url}?{query}"
    for _ in range(2):
        await asyncio.to_thread(migrate, url)
    async with opened(url) as database:
        await use(database)
        found = await check(database.engine)
    assert (found.revision, found.problems) == (newest_revision(), ())
    assert "without prepared statements" in found.server


async def test_the_relay_polls_behind_a_pooler_and_no_commit_notifies_it(pooled_url: str) -> None:
    await asyncio.to_thread(migrate, pooled_url)
    signal = SqlOutboxSignal.on(pooled_url, "auto")
    waiting = asyncio.create_task(signal.wait())
    async with asyncio.timeout(TIMEOUT), opened(pooled_url) as database:
        await asyncio.sleep(0)  # it begins to connect
        assert signal._task is not None
        await signal._task
        assert not signal.is_listening
        storage = storage_on(database, signal)
        assert await storage.unsent() == []
        await storage.add(failure(0))
        assert await database.run(SLEEPING) == []
    waiting.cancel()


async def test_statements_prepared_against_the_settings_are_refused_with_a_hint(
    pooled_url: str,
) -> None:
    await asyncio.to_thread(migrate, pooled_url)
    async with opened(pooled_url, "on") as database:
        with pytest.raises(StorageUnavailable, match="DATABASE_PREPARED=off"):
            await use_often(database)


async def test_without_a_pooler_statements_are_prepared_once(sql: Database) -> None:
    await sql.run(PREPARED)
    [(number,)] = await sql.run(PREPARED)
    assert number > 0
    found = await check(sql.engine)
    assert "prepared" not in found.server
