"""The SQL adapters with a network and a server that fail."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.engine import create_engine
from adapters.persistence.sql.statement import Statement
from application.ports.unit_of_work import Conflict, StorageUnavailable, UnitOfWork
from application.retry import RetryOnConflict
from payments_kit.servers.postgres import LocalPostgres
from tests.builders import (
    ORDER,
    PAYMENT,
    a_payment,
    an_order,
    claimed,
    created_event,
    start_payment,
)
from tests.contracts.storages import Storage, storage_on
from tests.tcp_proxy import TcpProxy

# Every wait has a limit; most take milliseconds.
SECONDS = 60.0

COUNT_CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
CONNECTIONS = Statement.of(text(COUNT_CONNECTIONS))
OPEN_TRANSACTIONS = Statement.of(text(f"{COUNT_CONNECTIONS} AND state LIKE 'idle in transaction%'"))


async def claim(work: UnitOfWork) -> None:
    """Decide to claim the default order."""
    order = await work.orders.get(ORDER)
    assert order is not None
    work.orders.save(start_payment(order, PAYMENT))


async def change(storage: Storage) -> None:
    """Change the default order, also if others change it."""

    async def decision(work: UnitOfWork) -> None:
        order = await work.orders.get(ORDER)
        assert order is not None
        version = order.replica.version + 1
        work.orders.save(an_order(replica=created_event(version=version)))

    await RetryOnConflict(storage.begin)(decision)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Storage]:
    """Yield the storage at this URL."""
    engine = create_engine(url)
    yield storage_on(Database(engine))
    await engine.dispose()


# --- network faults ------------------------------------------------------------------------------


@pytest.fixture
async def behind_proxy(proxied: Database) -> Storage:
    """Return a storage whose only connection has prepared the statements of a claim."""
    storage = storage_on(proxied)
    await storage.save(an_order())
    await storage.save(an_order(replica=created_event("order-0")))
    await storage.save(claimed("payment-0", created_event("order-0")))
    return storage


@pytest.fixture
async def storage(storage: Storage) -> Storage:
    """Return a storage without the proxy, with the default order."""
    await storage.save(an_order())
    return storage


@pytest.mark.parametrize("fault", [TcpProxy.drop_replies, TcpProxy.cut])
async def test_a_decision_whose_commit_was_not_confirmed_runs_again(
    behind_proxy: Storage, proxy: TcpProxy, fault: Callable[[TcpProxy], None]
) -> None:
    runs = 0

    async def claim_before_fault(work: UnitOfWork) -> None:
        nonlocal runs
        runs += 1
        await claim(work)
        if runs == 1:
            fault(proxy)

    await RetryOnConflict(behind_proxy.begin)(claim_before_fault)
    assert proxy.dropped == (fault is TcpProxy.drop_replies)
    assert runs == 2
    assert await behind_proxy.read() == claimed()


async def test_a_read_whose_reply_is_lost_is_repeated_once(
    behind_proxy: Storage, proxy: TcpProxy
) -> None:
    proxy.drop_replies()
    assert await behind_proxy.read() == an_order()
    assert proxy.dropped == 1
    proxy.drop_replies(2)
    with pytest.raises(StorageUnavailable):
        await behind_proxy.read()
    assert await behind_proxy.read() == an_order()


@pytest.mark.parametrize("fault", [TcpProxy.refuse, TcpProxy.hold])
async def test_a_database_that_cannot_be_reached_in_time_is_unavailable(
    behind_proxy: Storage, proxy: TcpProxy, fault: Callable[[TcpProxy], None]
) -> None:
    work = behind_proxy.begin()
    await claim(work)
    fault(proxy)
    async with asyncio.timeout(SECONDS):
        for attempt in (behind_proxy.read(), work.commit()):
            with pytest.raises(StorageUnavailable):
                await attempt
    proxy.heal()
    await RetryOnConflict(behind_proxy.begin)(claim)
    assert await behind_proxy.read() == claimed()


async def test_a_connection_that_timed_out_is_not_used_again(
    behind_proxy: Storage, proxy: TcpProxy
) -> None:
    proxy.hold(new_too=False)
    with pytest.raises(StorageUnavailable):
        await behind_proxy.read()
    assert await behind_proxy.read() == an_order()


@pytest.mark.parametrize("continues", [False, True])
@pytest.mark.parametrize("fault", [TcpProxy.drop_replies, TcpProxy.cut, None])
async def test_what_was_read_on_a_lost_connection_is_not_written_on_another(
    behind_proxy: Storage,
    proxied: Database,
    proxy: TcpProxy,
    fault: Callable[[TcpProxy], None] | None,
    continues: bool,
) -> None:
    await behind_proxy.save(claimed())
    work = behind_proxy.begin()
    await work.orders.get(ORDER)
    if continues:
        await work.commit()
        work = work.continued()
    if fault is None:
        proxied.distrust_connections()  # as after a failover
    else:
        fault(proxy)
    await behind_proxy.read()
    work.orders.save(claimed().complete())
    with pytest.raises(Conflict):
        await work.commit()
    assert await behind_proxy.read() == claimed()


@pytest.mark.parametrize("continues", [False, True])
async def test_what_was_read_is_not_written_on_a_connection_that_was_opened_later(
    database_url: str, continues: bool
) -> None:
    """It may lead to a server that was promoted since, and that has not received what was read."""
    async with opened(database_url) as storage:
        await storage.save(claimed())
        database = storage.begin()._database  # type: ignore[attr-defined]
        work = storage.begin()
        await work.orders.get(ORDER)
        if continues:
            await work.commit()
        first = await database.pool.acquire()
        await storage.read()
        work = work.continued() if continues else work
        work.orders.save(claimed().complete())
        with pytest.raises(Conflict):
            await work.commit()
        database.pool.release(first)
        assert await storage.read() == claimed()


async def test_a_connection_that_is_lost_again_at_the_repetition_is_an_outage(
    sql: Database,
) -> None:
    lost = Statement.of(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    with pytest.raises(StorageUnavailable):
        await sql.run(lost)


@pytest.mark.parametrize("fault", [TcpProxy.drop_replies, TcpProxy.cut])
async def test_the_generation_rises_when_a_connection_is_lost(
    behind_proxy: Storage,
    proxied: Database,
    proxy: TcpProxy,
    fault: Callable[[TcpProxy], None],
) -> None:
    before = proxied.generation
    await behind_proxy.read()
    assert proxied.generation == before
    fault(proxy)
    await behind_proxy.read()
    assert proxied.generation > before


async def test_a_statement_that_waits_too_long_for_a_lock_is_cancelled(
    behind_proxy: Storage, sql: Database
) -> None:
    async with sql.engine.execution_options(isolation_level="READ COMMITTED").begin() as other:
        await other.execute(text("LOCK TABLE orders"))
        with pytest.raises(StorageUnavailable):
            await behind_proxy.read()
        with pytest.raises(StorageUnavailable):
            await behind_proxy.save(claimed())
    assert await behind_proxy.read() == an_order()


async def test_the_longest_waiting_caller_gets_the_next_connection(behind_proxy: Storage) -> None:
    stop = asyncio.Event()

    async def read_all_the_time() -> None:
        while not stop.is_set():
            await behind_proxy.read()

    async with asyncio.timeout(SECONDS), asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(read_all_the_time())
        await asyncio.gather(*(behind_proxy.read() for _ in range(20)))
        stop.set()


# --- server faults -------------------------------------------------------------------------------


def crash(server: LocalPostgres) -> None:
    server.kill()
    server.start()


async def use_every_connection(database: Database) -> None:
    """Open as many connections as the pool may have."""
    pause = Statement.of(text("SELECT pg_sleep(0.05)"))
    await asyncio.gather(*(database.run(pause) for _ in range(database.pool.size)))


@pytest.mark.parametrize("end", [LocalPostgres.restart, crash])
async def test_after_a_restart_of_the_server_no_call_fails(
    storage: Storage,
    sql: Database,
    postgres_server: LocalPostgres,
    end: Callable[[LocalPostgres], None],
) -> None:
    await use_every_connection(sql)
    await asyncio.to_thread(end, postgres_server)
    await asyncio.gather(*(storage.read() for _ in range(20)))
    await use_every_connection(sql)
    runs = 0

    async def claim_before_restart(work: UnitOfWork) -> None:
        nonlocal runs
        runs += 1
        await claim(work)
        if runs == 1:
            await asyncio.to_thread(end, postgres_server)

    await RetryOnConflict(storage.begin)(claim_before_restart)
    assert runs == 2  # what was read before the restart may be lost
    await asyncio.gather(*(change(storage) for _ in range(10)))


@pytest.mark.parametrize("end", [LocalPostgres.restart, crash])
async def test_during_a_restart_the_only_error_is_unavailable(
    storage: Storage, postgres_server: LocalPostgres, end: Callable[[LocalPostgres], None]
) -> None:
    stop = asyncio.Event()
    changed, failed = 0, 0

    async def change_until_stopped() -> None:
        nonlocal changed, failed
        while not stop.is_set():
            try:
                await change(storage)
                changed += 1
            except StorageUnavailable:
                failed += 1
                await asyncio.sleep(0.01)

    async def more_are_changed() -> None:
        before = changed
        while changed <= before:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.01)

    async with asyncio.timeout(SECONDS), asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(change_until_stopped())
        await more_are_changed()
        await asyncio.to_thread(end, postgres_server)
        await more_are_changed()
        stop.set()
    assert failed
    assert (await storage.read()).replica.version >= changed


async def test_a_read_only_server_is_unavailable_to_save(sql: Database, database_url: str) -> None:
    name = database_url.rsplit("/", 1)[1]
    alter = f"ALTER DATABASE {name} SET default_transaction_read_only = on"
    await sql.run(Statement.of(text(alter)))
    async with opened(database_url) as read_only:
        with pytest.raises(StorageUnavailable):
            await read_only.save(an_order())


async def test_connections_to_a_server_that_went_read_only_are_replaced(
    storage: Storage, sql: Database, postgres_server: LocalPostgres
) -> None:
    await use_every_connection(sql)
    work = storage.begin()
    await claim(work)
    before = sql.generation
    postgres_server.set_read_only(True)
    try:
        # It is the only host, so it is read as long as it only reads.
        assert await storage.read() == an_order()
        with pytest.raises(Conflict):
            await work.commit()
        with pytest.raises(StorageUnavailable, match="read-only"):
            await change(storage)
    finally:
        postgres_server.set_read_only(False)
    assert sql.generation > before
    await asyncio.gather(*(change(storage) for _ in range(2 * sql.pool.size)))


async def test_a_missing_right_is_unavailable_and_names_the_table(
    storage: Storage, database_url: str, sql: Database
) -> None:
    await sql.run(Statement.of(text("CREATE ROLE nobody_knows LOGIN PASSWORD 'secret'")))
    try:
        url = urlsplit(database_url)
        host = url.netloc.rpartition("@")[2]
        without_rights = url._replace(netloc=f"nobody_knows:secret@{host}").geturl()
        async with opened(without_rights) as refused:
            with pytest.raises(StorageUnavailable, match="permission denied for table orders"):
                await refused.read()
    finally:
        await sql.run(Statement.of(text("DROP ROLE nobody_knows")))


async def test_a_database_without_our_schema_is_unavailable(empty_database_url: str) -> None:
    async with opened(empty_database_url) as empty:
        with pytest.raises(StorageUnavailable, match="migrate"):
            await empty.read()


async def test_a_rejected_password_is_not_shown(database_url: str) -> None:
    async with opened(database_url.replace("://payments:", "://payments:wrong")) as rejected:
        with pytest.raises(StorageUnavailable) as error:
            await rejected.read()
    assert "wrong" not in f"{error.value!r} {error.value}"


@pytest.mark.parametrize(
    "migration",
    [
        "ALTER TABLE payments ADD COLUMN more text",
        "ALTER TABLE orders ALTER COLUMN user_id TYPE varchar(300)",
    ],
)
async def test_a_schema_change_does_not_affect_open_connections(
    storage: Storage, database_url: str, migration: str
) -> None:
    await asyncio.gather(*(storage.read() for _ in range(20)))
    another = create_engine(database_url)
    await Database(another).run(Statement.of(text(migration)))
    await another.dispose()
    await asyncio.gather(*(storage.read() for _ in range(20)))
    await storage.save(claimed())


# --- connections and transactions ----------------------------------------------------------------


async def test_no_connection_is_held_from_read_to_commit(storage: Storage, sql: Database) -> None:
    work = storage.begin()
    await claim(work)
    assert sql.pool.in_use == 0
    assert await sql.run(OPEN_TRANSACTIONS) == [(0,)]
    await work.commit()
    assert sql.pool.in_use == 0


async def test_a_cancelled_task_leaks_no_connection(database_url: str) -> None:
    database = Database(create_engine(database_url, pool_size=3))
    storage = storage_on(database)
    await storage.save(an_order())
    for steps in range(60):
        tasks = [asyncio.create_task(change(storage)) for _ in range(4)]
        for _ in range(steps):
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async with asyncio.timeout(SECONDS):
        while database.pool.in_use:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.01)
        await asyncio.gather(*(change(storage) for _ in range(6)))
        while (await database.run(CONNECTIONS))[0][0] > database.pool.size:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert await database.run(OPEN_TRANSACTIONS) == [(0,)]
    await database.engine.dispose()


# --- constraints of the schema -------------------------------------------------------------------


async def test_the_schema_rejects_two_live_payments_of_an_order(storage: Storage) -> None:
    with pytest.raises(Conflict):
        await storage.save(an_order(a_payment("payment-1"), a_payment("payment-2")))
    assert await storage.read() == an_order()


async def test_a_payment_cannot_move_to_another_order(storage: Storage) -> None:
    await storage.save(claimed())
    other = claimed(PAYMENT, created_event("order-2"))
    with pytest.raises(Conflict):
        await storage.save(other)
    assert await storage.read() == claimed()
    assert await storage.begin().orders.get(other.id) is None
