"""Statements that several callers execute at once, as one group."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Integer, Text, bindparam, func, literal_column, select, text

from adapters.persistence.sql import statement_groups
from adapters.persistence.sql.database import Database
from adapters.persistence.sql.engine import create_engine
from adapters.persistence.sql.statement import NUMBER_IN_GROUP, Rows, Statement
from adapters.persistence.sql.statement_groups import Execution, StatementGroups
from application.ports.charge_reading import ChargeQuery
from application.ports.unit_of_work import Conflict, StorageUnavailable, UnitOfWork
from application.retry import RetryOnConflict
from domain.identifiers import OrderId
from tests.adapters.persistence.poolers import small_pooler
from tests.builders import an_order, created_event, start_payment
from tests.contracts.storages import Storage, storage_on
from tests.tcp_proxy import TcpProxy

# Every wait has a limit; most take milliseconds.
SECONDS = 60.0

ORDERS = [OrderId(f"order-{number}") for number in range(8)]

TRANSACTION = Statement.of(select(func.pg_current_xact_id().cast(Text), NUMBER_IN_GROUP))
LOCK = Statement.of(select(func.pg_advisory_xact_lock(literal_column("1")), NUMBER_IN_GROUP))
QUOTIENT = Statement.of(
    select(literal_column("1") / bindparam("divisor", type_=Integer), NUMBER_IN_GROUP)
)
LENGTH = Statement.of(
    select(
        func.length(bindparam("text", type_=Text)),
        bindparam("number", type_=Integer),
        NUMBER_IN_GROUP,
    )
)
TERMINATE = Statement.of(
    select(
        func.pg_terminate_backend(func.pg_backend_pid()),
        bindparam("nothing", type_=Text),
        NUMBER_IN_GROUP,
    )
)


@pytest.fixture
async def storage(storage: Storage) -> Storage:
    """Return a storage with orders that can be paid."""
    await storage.save(*(an_order(replica=created_event(each)) for each in ORDERS))
    return storage


@pytest.fixture
async def impatient(monkeypatch: pytest.MonkeyPatch, database_url: str) -> AsyncIterator[Database]:
    """Yield a database with one group at a time, where nothing waits for long."""
    monkeypatch.setattr(statement_groups, "_USUAL_GROUPS", 1)
    monkeypatch.setattr(statement_groups, "_MAX_GROUPS", 1)
    monkeypatch.setattr(statement_groups, "POOL_SECONDS", 0.05)
    engine = create_engine(database_url)
    yield Database(engine)
    await engine.dispose()


@asynccontextmanager
async def locked(database: Database) -> AsyncIterator[None]:
    """Hold the lock that LOCK waits for."""
    async with database.engine.begin() as other:
        await other.execute(text("SELECT pg_advisory_xact_lock(1)"))
        yield


async def outcomes(*calls: Awaitable[Any]) -> list[Any]:
    """Run calls at the same time; return what each returns or raises."""
    async with asyncio.timeout(SECONDS):
        return await asyncio.gather(*calls, return_exceptions=True)


async def started(storage: Storage, order_id: OrderId) -> UnitOfWork:
    """Read an order as a charge does, and start its payment, without a commit."""
    work = storage.begin()
    reading = await work.read_charge(ChargeQuery(order_id, [], timedelta(minutes=1)))
    assert reading.order is not None
    work.orders.save(start_payment(reading.order, f"payment-of-{order_id}"))
    return work


async def claim(storage: Storage, order_id: OrderId, payment_id: str = "") -> None:
    """Claim an order, as a charge does."""

    async def decision(work: UnitOfWork) -> None:
        reading = await work.read_charge(ChargeQuery(order_id, [], timedelta(minutes=1)))
        assert reading.order is not None
        if not reading.order.payments:
            work.orders.save(start_payment(reading.order, payment_id or f"payment-of-{order_id}"))

    await RetryOnConflict(storage.begin)(decision)


async def claimed_orders(storage: Storage) -> list[OrderId]:
    """Return the orders that have just the payment that was started here."""
    found = await storage.begin().orders.get_many(ORDERS)
    return [
        order_id
        for order_id in ORDERS
        if [each.id for each in found[order_id].payments] == [f"payment-of-{order_id}"]
    ]


async def test_callers_at_the_same_time_share_one_transaction(sql: Database) -> None:
    transactions = await outcomes(*(sql.run(TRANSACTION) for _ in range(8)))
    assert len({rows[0][0] for rows in transactions}) == 1
    assert sql.pool.opened == 1
    [[first]], [[second]] = [[row[:1] for row in await sql.run(TRANSACTION)] for _ in range(2)]
    assert first != second


async def test_each_caller_gets_its_own_rows(storage: Storage) -> None:
    readings = await outcomes(
        *(
            storage.begin().read_charge(ChargeQuery(order_id, [order_id], timedelta(minutes=1)))
            for order_id in [*ORDERS, OrderId("unknown"), *ORDERS]
        )
    )
    found = [reading.order and reading.order.id for reading in readings]
    assert found == [*ORDERS, None, *ORDERS]


async def test_orders_are_claimed_together_and_an_order_only_once(storage: Storage) -> None:
    works = await outcomes(*(started(storage, each) for each in ORDERS))
    works += await outcomes(*(started(storage, each) for each in ORDERS))
    results = await outcomes(*(work.commit() for work in works))
    assert results[: len(ORDERS)] == [None] * len(ORDERS)
    assert [type(each) for each in results[len(ORDERS) :]] == [Conflict] * len(ORDERS)
    assert await claimed_orders(storage) == ORDERS


async def test_an_error_of_one_execution_is_its_own(sql: Database) -> None:
    results = await outcomes(*(sql.run(QUOTIENT, divisor=each) for each in (1, 0, 1, "x", -1)))
    first, by_zero, second, no_number, third = results
    assert [rows[0][0] for rows in (first, second, third)] == [1, 1, -1]
    assert "division by zero" in str(by_zero)
    assert "invalid input" in str(no_number)


async def test_a_commit_that_breaks_a_rule_of_the_tables_does_not_fail_the_others(
    storage: Storage,
) -> None:
    twice = [claim(storage, each, "the-same-id") for each in ORDERS[:2]]
    results = await outcomes(*twice, *(claim(storage, each) for each in ORDERS[2:]))
    assert [type(each) for each in results].count(StorageUnavailable) == 1
    assert results[2:] == [None] * len(ORDERS[2:])
    assert await claimed_orders(storage) == ORDERS[2:]


async def test_an_order_that_somebody_has_locked_does_not_hold_up_the_others(
    storage: Storage, sql: Database
) -> None:
    async with sql.engine.execution_options(isolation_level="READ COMMITTED").begin() as person:
        await person.execute(text("SELECT FROM orders WHERE id = 'order-0' FOR UPDATE"))
        locked, *others = [asyncio.create_task(claim(storage, each)) for each in ORDERS]
        assert await outcomes(*others) == [None] * len(others)
        assert not locked.done()
    assert await outcomes(locked) == [None]
    assert await claimed_orders(storage) == ORDERS


async def test_more_locked_orders_than_groups_do_not_hold_up_the_others(
    storage: Storage, sql: Database
) -> None:
    count = statement_groups._MAX_GROUPS + 1
    # Opened before the orders are read: what was read guards nothing on a newer connection.
    for connection in [await sql.pool.acquire() for _ in range(count + 1)]:
        sql.pool.release(connection)
    works = await outcomes(*(started(storage, each) for each in ORDERS))
    async with sql.engine.execution_options(isolation_level="READ COMMITTED").begin() as person:
        await person.execute(
            text("SELECT FROM orders WHERE id = ANY (:ids) FOR UPDATE"), {"ids": ORDERS[:count]}
        )
        locked = []
        async with asyncio.timeout(SECONDS):
            for work in works[:count]:
                locked.append(asyncio.create_task(work.commit()))
                # Each is executed alone.
                while sql.pool.in_use < len(locked):  # noqa: ASYNC110 - the pool has no event
                    await asyncio.sleep(0)
        others = await outcomes(*(work.commit() for work in works[count:]))
        assert others == [None] * len(others)
        assert not any(each.done() for each in locked)
    assert await outcomes(*locked) == [None] * count


async def test_a_lock_timeout_of_the_role_counts_for_a_statement_alone(
    storage: Storage, database_url: str, sql: Database
) -> None:
    engine = create_engine(f"{database_url}?options=-clock_timeout%3D10ms")
    work = await started(storage_on(Database(engine)), ORDERS[0])
    async with sql.engine.execution_options(isolation_level="READ COMMITTED").begin() as person:
        await person.execute(text("SELECT FROM orders WHERE id = 'order-0' FOR UPDATE"))
        with pytest.raises(StorageUnavailable, match="lock timeout"):
            await work.commit()
    await engine.dispose()


async def test_a_value_that_the_driver_rejects_after_it_has_sent_others_is_its_own_error(
    sql: Database,
) -> None:
    # More than the driver sends at once, which is four times 32 KiB.
    texts = ["x" * 60_000] * 8
    numbers = [*range(7), "not a number"]
    results = await outcomes(
        *(
            sql.run(LENGTH, text=each, number=number)
            for each, number in zip(texts, numbers, strict=True)
        )
    )
    assert [rows[0][0] for rows in results[:-1]] == [60_000] * 7
    assert "invalid input" in str(results[-1])


async def test_a_row_that_cannot_be_read_is_the_error_of_its_own_caller(
    storage: Storage, sql: Database
) -> None:
    async with sql.engine.begin() as person:  # Python's years end at 9999
        await person.execute(
            text("UPDATE orders SET expires_at = '20000-01-01' WHERE id = 'order-0'")
        )
    unreadable, *others = await outcomes(*(started(storage, each) for each in ORDERS))
    assert isinstance(unreadable, OverflowError)
    assert not [each for each in others if isinstance(each, BaseException)]


async def test_a_lost_connection_is_known_to_every_caller_of_the_group(
    proxied: Database, proxy: TcpProxy, storage: Storage
) -> None:
    behind = storage_on(proxied)
    first, *works = await outcomes(*(started(behind, each) for each in ORDERS))
    await first.commit()  # prepares the statement
    proxy.drop_replies()
    results = await outcomes(*(work.commit() for work in works))
    assert [type(each) for each in results] == [Conflict] * len(works)
    assert await claimed_orders(storage) == ORDERS  # only the reply was lost
    await proxied.run(TRANSACTION)
    proxy.drop_replies()
    readings = await outcomes(*(proxied.run(TRANSACTION) for _ in range(5)))
    assert [len(rows) for rows in readings] == [1] * 5


async def test_a_connection_that_ends_in_a_group_is_an_outage_for_each(sql: Database) -> None:
    results = await outcomes(*(sql.run(TERMINATE, nothing=None) for _ in range(3)))
    assert all(isinstance(each, StorageUnavailable) for each in results)


async def test_what_a_lost_group_may_have_done_is_not_executed_again() -> None:
    async def lost(*_: object) -> None:
        raise StorageUnavailable("the connection was lost")

    async def execute_alone(*_: object) -> Rows:
        raise AssertionError("it is executed again")

    groups = StatementGroups(lost, execute_alone)
    results = await outcomes(*(groups.run(TRANSACTION, (), None) for _ in range(3)))
    assert [type(each) for each in results] == [StorageUnavailable] * 3


async def test_what_was_read_before_a_connection_was_lost_is_not_written_with_the_others(
    storage: Storage, sql: Database
) -> None:
    old = await started(storage, ORDERS[0])
    sql.distrust_connections()
    await storage.read()
    new = await outcomes(*(started(storage, each) for each in ORDERS[1:]))
    results = await outcomes(*(work.commit() for work in (old, *new)))
    assert isinstance(results[0], Conflict)
    assert results[1:] == [None] * len(new)
    assert await claimed_orders(storage) == ORDERS[1:]


async def test_a_caller_that_has_gone_is_not_executed_and_changes_nothing_for_others(
    storage: Storage,
) -> None:
    works = await outcomes(*(started(storage, each) for each in ORDERS))
    gone, *others = [asyncio.create_task(work.commit()) for work in works]
    await asyncio.sleep(0)
    gone.cancel()
    assert await outcomes(*others) == [None] * len(others)
    assert await claimed_orders(storage) == ORDERS[1:]


async def test_a_caller_waits_only_a_limited_time_for_a_group(
    impatient: Database, sql: Database
) -> None:
    async with locked(sql):
        running = [asyncio.create_task(impatient.run(LOCK)) for _ in range(2)]
        await asyncio.sleep(0)
        late = await outcomes(*(impatient.run(TRANSACTION) for _ in range(3)))
        assert [type(each) for each in late] == [StorageUnavailable] * 3
    assert [len(rows) for rows in await outcomes(*running)] == [1, 1]
    assert len(await impatient.run(TRANSACTION)) == 1


async def test_callers_that_have_waited_for_a_slow_group_get_another_one(sql: Database) -> None:
    async with locked(sql):
        slow = asyncio.create_task(sql.run(LOCK))
        await asyncio.sleep(0)
        assert len(await sql.run(TRANSACTION)) == 1
        assert not slow.done()
    await slow


async def test_few_callers_wait_for_others_while_a_statement_is_executed(
    monkeypatch: pytest.MonkeyPatch, sql: Database
) -> None:
    monkeypatch.setattr(statement_groups, "_PATIENCE_SECONDS", SECONDS)
    async with locked(sql):
        slow = asyncio.create_task(sql.run(LOCK))
        few = []
        for _ in range(statement_groups._ENOUGH - 1):
            await asyncio.sleep(0)
            few.append(asyncio.create_task(sql.run(TRANSACTION)))
        await asyncio.sleep(0.01)
        transactions = await outcomes(*few, sql.run(TRANSACTION))
        assert len({rows[0][0] for rows in transactions}) == 1
        assert not slow.done()
        last = asyncio.create_task(sql.run(TRANSACTION))
        await asyncio.sleep(0.01)
        assert not last.done()
    await slow
    assert len(await last) == 1


@pytest.mark.parametrize("sizes", [[8, 8], [25, 12, 8, 5], [32, 32, 18, 9, 8, 1]])
async def test_half_of_many_callers_are_the_next_group(sql: Database, sizes: list[int]) -> None:
    transactions = await outcomes(*(sql.run(TRANSACTION) for _ in range(sum(sizes))))
    assert list(Counter(rows[0][0] for rows in transactions).values()) == sizes
    assert sql.pool.opened <= statement_groups._MAX_GROUPS


async def test_the_statement_that_has_waited_longest_is_next() -> None:
    executed = []

    async def execute(statement: Statement, group: Sequence[Execution]) -> None:
        executed.append(statement)
        await asyncio.sleep(0)
        for each in group:
            each.end([])

    async def execute_alone(statement: Statement, _: Execution) -> Rows:
        raise AssertionError("all are in groups")

    groups = StatementGroups(execute, execute_alone)
    many, few = (groups.run(each, (), None) for each in [TRANSACTION] * 40), [LOCK, LENGTH]
    await outcomes(*many, *(groups.run(each, (), None) for each in few * 2))
    assert executed[:4] == [TRANSACTION, *few, TRANSACTION]


async def test_behind_a_pooler_each_statement_is_executed_alone(database_url: str) -> None:
    async with small_pooler(database_url) as url:
        engine = create_engine(url, pool_size=3)
        pooled = Database(engine)
        for _ in range(2):  # not known yet, and known
            transactions = await outcomes(*(pooled.run(TRANSACTION) for _ in range(5)))
            assert len({rows[0][0] for rows in transactions}) == 5
        await engine.dispose()
