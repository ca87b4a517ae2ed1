"""Statements that PostgreSQL ends because of a deadlock, which really happens."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from attrs import evolve

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.engine import create_engine
from application.ports.unit_of_work import Conflict, UnitOfWork
from application.retry import RetryOnConflict
from domain.identifiers import OrderId
from tests.builders import ORDER, an_order, claimed, created_event
from tests.contracts.storages import Storage, storage_on

# Every wait has a limit; on a quiet machine these take milliseconds.
SECONDS = 60.0

NOTICED_AFTER = "20ms"
"""When a statement that waits looks for a deadlock, instead of after the server's second."""

OTHERS = [OrderId("order-2"), OrderId("order-3")]

LOCK = "SELECT FROM {} WHERE id = '{}' FOR UPDATE"
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"


@pytest.fixture
async def storage(database_url: str) -> AsyncIterator[Storage]:
    """Yield a storage with a claimed order and two others, whose commits soon see a deadlock."""
    engine = create_engine(f"{database_url}?options=-cdeadlock_timeout%3D{NOTICED_AFTER}")
    storage = storage_on(Database(engine))
    await storage.save(claimed(), *(an_order(replica=created_event(each)) for each in OTHERS))
    yield storage
    await engine.dispose()


@asynccontextmanager
async def holding(url: str, statement: str) -> "AsyncIterator[asyncpg.Connection[Any]]":
    """Yield the connection of a person whose open transaction has run a statement."""
    person = await asyncpg.connect(url)
    transaction = person.transaction()
    await transaction.start()
    # The server ends the transaction that looks for a deadlock: never this one.
    await person.execute("SET LOCAL deadlock_timeout = '600s'")
    await person.execute(statement)
    try:
        yield person
    finally:
        await person.close()  # rolled back


async def until_waiting(person: "asyncpg.Connection[Any]", count: int) -> None:
    """Wait until so many transactions wait for a lock."""
    while await person.fetchval(WAITING) < count:  # noqa: ASYNC110 - no event tells it
        await asyncio.sleep(0.01)


async def change_all(work: UnitOfWork) -> None:
    """Decide to change three orders, in one batch, which locks them one after the other."""
    for order_id, order in (await work.orders.get_many([ORDER, *OTHERS])).items():
        version = order.replica.version + 1
        work.orders.save(evolve(order, replica=created_event(order_id, version=version)))


async def test_a_commit_that_a_deadlock_ends_is_a_conflict_and_wrote_nothing(
    storage: Storage, database_url: str
) -> None:
    first, second = (LOCK.format("orders", each) for each in OTHERS)
    before, attempt = await storage.read(), storage.begin()
    await change_all(attempt)
    async with asyncio.timeout(SECONDS), holding(database_url, second) as person:
        async with holding(database_url, first) as other:
            committing = asyncio.create_task(attempt.commit())
            await until_waiting(other, 1)  # the commit has locked the order and waits for `first`
            locking = asyncio.create_task(person.execute(LOCK.format("orders", ORDER)))
            await until_waiting(other, 2)
        # The commit wants what is held second now: each of the two waits for the other.
        with pytest.raises(Conflict, match="deadlock detected"):
            await committing
        await locking
        assert await storage.read() == before
    await RetryOnConflict(storage.begin)(change_all)
    assert await storage.read() != before


async def test_a_read_that_a_deadlock_ends_is_run_again(
    storage: Storage, database_url: str
) -> None:
    before = await storage.read(ORDER)
    payments, refunds, orders = (
        f"LOCK TABLE {each} IN ACCESS EXCLUSIVE MODE" for each in ("payments", "refunds", "orders")
    )
    async with asyncio.timeout(SECONDS), holding(database_url, refunds) as person:
        async with holding(database_url, payments) as other:
            reading = asyncio.create_task(storage.read(ORDER))
            await until_waiting(other, 1)  # it has locked the orders and waits for payments
            locking = asyncio.create_task(person.execute(orders))
            await until_waiting(other, 2)
        # The read wants the refunds now. The lock can be granted only because the server ends it.
        await locking
    assert await reading == before


@pytest.mark.parametrize("saved", [OTHERS, OTHERS[::-1]], ids=["by id", "the other way round"])
async def test_a_commit_locks_its_orders_by_id_in_whatever_order_they_were_saved(
    storage: Storage, database_url: str, saved: list[OrderId]
) -> None:
    """Two commits with the same orders cannot deadlock, which would cost a second each time."""
    first, last = (LOCK.format("orders", each) for each in OTHERS)
    work = storage.begin()
    found = await work.orders.get_many(saved)
    for order_id in saved:
        changed = created_event(order_id, version=found[order_id].replica.version + 1)
        work.orders.save(evolve(found[order_id], replica=changed))
    async with asyncio.timeout(SECONDS), holding(database_url, first) as person:
        committing = asyncio.create_task(work.commit())
        await until_waiting(person, 1)
        async with holding(database_url, f"{last} NOWAIT"):
            pass
    await committing
