"""The SQL adapter on a network and a server that fail."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import QueuePool, text

from adapters.persistence.sql.database import Database, Statement
from adapters.persistence.sql.engine import create_engine
from adapters.persistence.sql.unit_of_work import SqlUnitOfWork
from application.ports.unit_of_work import (
    BeginUnitOfWork,
    Conflict,
    StorageUnavailable,
    UnitOfWork,
)
from application.retry import RetryOnConflict
from domain.identifiers import OrderId
from payments_kit.servers.postgres import LocalPostgres
from tests.builders import ORDER, PAYMENT, a_bill, a_payment, an_order, claimed
from tests.builders import begin as begin_payment
from tests.contracts.unit_of_work import read, save
from tests.tcp_proxy import TcpProxy

# Everything ends; most of it at once.
SECONDS = 60.0


def begin_on(database: Database) -> BeginUnitOfWork:
    return lambda: SqlUnitOfWork(database)


async def an_order_and_a_warm_connection(database: Database) -> None:
    """Leave an order to be claimed, and a connection that has run all the statements of a claim."""
    begin = begin_on(database)
    await save(begin, a_bill())
    await save(begin, a_bill(order=an_order("order-0")))
    await save(begin, claimed("payment-0", an_order("order-0")))


class Claim:
    """The decision to claim the ordinary order; counts how often it was taken."""

    def __init__(self, before_commit: Callable[[], None] = lambda: None) -> None:
        self.captured_amount = 0
        self._before_commit = before_commit

    async def __call__(self, work: UnitOfWork) -> None:
        self.captured_amount += 1
        order = (await work.orders.get_many([ORDER]))[ORDER]
        work.orders.save(begin_payment(order, PAYMENT))
        if self.captured_amount == 1:
            self._before_commit()


# --- a network that fails ----------------------------------------------------------------------


async def test_a_commit_whose_reply_is_lost_is_a_conflict(
    proxied: Database, proxy: TcpProxy
) -> None:
    await an_order_and_a_warm_connection(proxied)
    work = SqlUnitOfWork(proxied)
    await Claim(proxy.drop_replies)(work)
    with pytest.raises(Conflict):
        await work.commit()
    await proxy.replies_dropped()
    assert await read(begin_on(proxied), ORDER) == claimed()


async def test_a_decision_whose_commit_was_not_confirmed_finds_it_done(
    proxied: Database, proxy: TcpProxy
) -> None:
    await an_order_and_a_warm_connection(proxied)
    claim = Claim(proxy.drop_replies)
    await RetryOnConflict(begin_on(proxied))(claim)
    assert proxy.dropped == 1
    assert claim.captured_amount == 2
    assert await read(begin_on(proxied), ORDER) == claimed()


async def test_a_decision_whose_commit_never_arrived_is_taken_again(
    proxied: Database, proxy: TcpProxy
) -> None:
    await an_order_and_a_warm_connection(proxied)
    claim = Claim(proxy.cut)
    await RetryOnConflict(begin_on(proxied))(claim)
    assert claim.captured_amount == 2
    assert await read(begin_on(proxied), ORDER) == claimed()


async def test_a_read_whose_reply_is_lost_is_read_again(proxied: Database, proxy: TcpProxy) -> None:
    await an_order_and_a_warm_connection(proxied)
    proxy.drop_replies()
    assert await read(begin_on(proxied), ORDER) == a_bill()
    assert proxy.dropped == 1


async def test_a_read_whose_reply_is_lost_twice_fails(proxied: Database, proxy: TcpProxy) -> None:
    await an_order_and_a_warm_connection(proxied)
    proxy.drop_replies(2)
    with pytest.raises(StorageUnavailable):
        await read(begin_on(proxied), ORDER)
    assert await read(begin_on(proxied), ORDER) == a_bill()


async def test_a_database_that_cannot_be_reached_is_unavailable(
    proxied: Database, proxy: TcpProxy
) -> None:
    await an_order_and_a_warm_connection(proxied)
    work = SqlUnitOfWork(proxied)
    await Claim()(work)
    proxy.refuse()
    for attempt in (read(begin_on(proxied), ORDER), work.commit()):
        with pytest.raises(StorageUnavailable):
            await attempt
    proxy.heal()
    assert await read(begin_on(proxied), ORDER) == a_bill()


async def test_a_network_gone_silent_is_unavailable_in_time(
    proxied: Database, proxy: TcpProxy
) -> None:
    await an_order_and_a_warm_connection(proxied)
    work = SqlUnitOfWork(proxied)
    await Claim()(work)
    proxy.hold()
    async with asyncio.timeout(SECONDS):
        for attempt in (read(begin_on(proxied), ORDER), work.commit()):
            with pytest.raises(StorageUnavailable):
                await attempt
    proxy.heal()
    await RetryOnConflict(begin_on(proxied))(Claim())
    assert await read(begin_on(proxied), ORDER) == claimed()


async def test_a_connection_gone_silent_is_not_used_again(
    proxied: Database, proxy: TcpProxy
) -> None:
    await an_order_and_a_warm_connection(proxied)
    proxy.hold(new_too=False)
    with pytest.raises(StorageUnavailable):
        await read(begin_on(proxied), ORDER)
    assert await read(begin_on(proxied), ORDER) == a_bill()


# --- a server that fails -----------------------------------------------------------------------


def crash(server: LocalPostgres) -> None:
    server.kill()
    server.start()


@pytest.mark.parametrize("end", [LocalPostgres.restart, crash])
async def test_after_a_restart_of_the_server_nobody_notices(
    sql: Database, postgres_server: LocalPostgres, end: Callable[[LocalPostgres], None]
) -> None:
    begin = begin_on(sql)
    await save(begin, a_bill())
    await every_connection_once(sql)
    await asyncio.to_thread(end, postgres_server)
    await asyncio.gather(*(read(begin, ORDER) for _ in range(20)))
    await every_connection_once(sql)
    await asyncio.to_thread(end, postgres_server)
    await asyncio.gather(*(change(begin) for _ in range(10)))


async def test_a_connection_that_the_server_has_ended_is_not_used_again(
    sql: Database, postgres_server: LocalPostgres
) -> None:
    await save(begin_on(sql), a_bill())
    work = SqlUnitOfWork(sql)
    await Claim()(work)
    await asyncio.to_thread(postgres_server.restart)
    await work.commit()  # on the old connection it would be a conflict
    assert await read(begin_on(sql), ORDER) == claimed()


@pytest.mark.parametrize("end", [LocalPostgres.restart, crash])
async def test_during_a_restart_the_database_is_unavailable_and_nothing_worse(
    sql: Database, postgres_server: LocalPostgres, end: Callable[[LocalPostgres], None]
) -> None:
    begin = begin_on(sql)
    await save(begin, a_bill())
    over = asyncio.Event()
    done, failed = 0, 0

    async def work_on() -> None:
        nonlocal done, failed
        while not over.is_set():
            try:
                await change(begin)
                done += 1
            except StorageUnavailable:
                failed += 1
                await asyncio.sleep(0.01)

    async with asyncio.timeout(SECONDS), asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(work_on())
        await asyncio.sleep(0.1)
        await asyncio.to_thread(end, postgres_server)
        await asyncio.sleep(0.1)
        over.set()
    assert failed
    order = await read(begin, ORDER)
    assert order.version >= done


async def change(begin: BeginUnitOfWork) -> None:
    """Change the ordinary order, whoever else does."""

    async def decision(work: UnitOfWork) -> None:
        order = (await work.orders.get_many([ORDER]))[ORDER]
        work.orders.save(a_bill(order=an_order(version=order.version + 1)))

    await RetryOnConflict(begin)(decision)


async def every_connection_once(database: Database) -> None:
    """Open as many connections as the pool has places."""
    nap = Statement.of(text("SELECT pg_sleep(0.05)"))
    await asyncio.gather(*(database.run(nap) for _ in range(pool_of(database).size())))


async def test_a_statement_that_waits_too_long_for_another_is_given_up(
    proxied: Database, sql: Database
) -> None:
    await save(begin_on(proxied), a_bill())
    async with sql.engine.execution_options(isolation_level="READ COMMITTED").begin() as other:
        await other.execute(text("LOCK TABLE orders"))
        with pytest.raises(StorageUnavailable):
            await read(begin_on(proxied), ORDER)
        with pytest.raises(StorageUnavailable):
            await save(begin_on(proxied), claimed())
    assert await read(begin_on(proxied), ORDER) == a_bill()


async def test_a_server_that_may_only_be_read_is_unavailable_for_writing(
    database_url: str, sql: Database
) -> None:
    await save(begin_on(sql), a_bill())
    name = database_url.rsplit("/", 1)[1]
    alter = text(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    await sql.run(Statement.of(alter))
    engine = create_engine(database_url)
    with pytest.raises(StorageUnavailable):
        await save(begin_on(Database(engine)), claimed())
    await engine.dispose()


async def test_a_database_without_our_schema_is_unavailable(empty_database_url: str) -> None:
    engine = create_engine(empty_database_url)
    with pytest.raises(StorageUnavailable, match="migrate"):
        await read(begin_on(Database(engine)), ORDER)
    await engine.dispose()


async def test_a_password_that_is_refused_is_not_shown(database_url: str) -> None:
    wrong = database_url.replace("://payments:", "://payments:wrong")
    engine = create_engine(wrong)
    with pytest.raises(StorageUnavailable) as refused:
        await read(begin_on(Database(engine)), ORDER)
    await engine.dispose()
    assert "wrong" not in f"{refused.value!r} {refused.value} {engine!r}"


@pytest.mark.parametrize(
    "migration",
    [
        "ALTER TABLE payments ADD COLUMN more text",
        "ALTER TABLE orders ALTER COLUMN user_id TYPE varchar(300)",
    ],
)
async def test_a_migration_is_not_noticed_by_those_at_work(
    sql: Database, database_url: str, migration: str
) -> None:
    begin = begin_on(sql)
    await save(begin, a_bill())
    await asyncio.gather(*(read(begin, ORDER) for _ in range(20)))
    another = create_engine(database_url)
    await Database(another).run(Statement.of(text(migration)))
    await another.dispose()
    await asyncio.gather(*(read(begin, ORDER) for _ in range(20)))
    await save(begin, claimed())


# --- what no failure may leave behind ----------------------------------------------------------


async def test_no_connection_is_held_between_reading_and_committing(sql: Database) -> None:
    work = SqlUnitOfWork(sql)
    await save(begin_on(sql), a_bill())
    await Claim()(work)
    assert pool_of(sql).checkedout() == 0
    assert await sql.run(OPEN_TRANSACTIONS) == [(0,)]
    await work.commit()
    assert pool_of(sql).checkedout() == 0


async def test_whoever_has_waited_longest_gets_the_next_connection(proxied: Database) -> None:
    begin = begin_on(proxied)
    await save(begin, a_bill())
    over = asyncio.Event()

    async def use_it_all_the_time() -> None:
        while not over.is_set():
            await read(begin, ORDER)

    async with asyncio.timeout(SECONDS), asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(use_it_all_the_time())
        await asyncio.gather(*(read(begin, ORDER) for _ in range(20)))
        over.set()


async def test_a_cancelled_task_leaks_no_connection(database_url: str) -> None:
    engine = create_engine(database_url, pool_size=3)
    database = Database(engine)
    begin = begin_on(database)
    await save(begin, a_bill())
    for steps in range(60):
        tasks = [asyncio.create_task(change(begin)) for _ in range(4)]
        for _ in range(steps):
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def all_are_back() -> bool:
        return pool_of(database).checkedout() == 0

    async def surplus_is_gone() -> bool:
        [(connections,)] = await database.run(CONNECTIONS)
        return bool(connections <= pool_of(database).size())

    await until(all_are_back)
    await asyncio.gather(*(change(begin) for _ in range(6)))
    await until(surplus_is_gone)
    assert await database.run(OPEN_TRANSACTIONS) == [(0,)]
    await engine.dispose()


OPEN_TRANSACTIONS = Statement.of(
    text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND state LIKE 'idle in transaction%'"
    )
)
CONNECTIONS = Statement.of(
    text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
)


def pool_of(database: Database) -> QueuePool:
    """The pool of connections."""
    assert isinstance(database.engine.pool, QueuePool)
    return database.engine.pool


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for something that happens by itself."""
    async with asyncio.timeout(SECONDS):
        while not await condition():  # noqa: ASYNC110 - nobody tells when
            await asyncio.sleep(0.01)


# --- what the schema itself refuses ------------------------------------------------------------


async def test_two_live_payments_of_an_order_are_refused_by_the_schema(sql: Database) -> None:
    work = SqlUnitOfWork(sql)
    work.orders.save(a_bill(a_payment("payment-1"), a_payment("payment-2")))
    with pytest.raises(Conflict):
        await work.commit()
    assert await SqlUnitOfWork(sql).orders.get_many([ORDER]) == {}


async def test_a_payment_cannot_move_to_another_order(sql: Database) -> None:
    await save(begin_on(sql), claimed())
    other = claimed(PAYMENT, an_order("order-2"))
    with pytest.raises(Conflict):
        await save(begin_on(sql), other)
    assert await read(begin_on(sql), ORDER) == claimed()
    assert await SqlUnitOfWork(sql).orders.get_many([OrderId("order-2")]) == {}
