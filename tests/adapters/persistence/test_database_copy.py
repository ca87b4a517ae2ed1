"""Another copy of the database is noticed, although no connection to the first one is lost."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from adapters.persistence.sql.books import SqlBooks
from adapters.persistence.sql.database import Database
from adapters.persistence.sql.engine import create_engine
from application.ports.charge_reading import ChargeQuery
from application.ports.unit_of_work import Conflict
from payments_kit.servers.postgres import LocalPostgres
from tests.builders import ORDER, claimed
from tests.contracts.storages import Storage, storage_on

QUERY = ChargeQuery(ORDER)


@pytest.fixture
async def promoted(
    postgres_server: LocalPostgres, migrated_template: str
) -> AsyncIterator[Database]:
    """Yield another copy, which lacks everything that was committed."""
    engine = create_engine(postgres_server.create_database("promoted", template=migrated_template))
    yield Database(engine)
    await engine.dispose()
    postgres_server.drop_database("promoted")


@asynccontextmanager
async def fail_over(sql: Database, promoted: Database) -> AsyncIterator[None]:
    """Let every connection that is opened from now on lead to the other copy.

    The open one still leads to the first copy, and is in use, as if its server were frozen.
    """
    frozen = await sql.pool.acquire()
    sql.pool.connector = promoted.pool.connector
    yield
    sql.pool.release(frozen)


async def test_a_reading_from_another_copy_begins_a_new_generation(
    sql: Database, promoted: Database
) -> None:
    storage = storage_on(sql)
    await storage.save(claimed())
    assert (await storage.begin().read_charge(QUERY)).order == claimed()
    before = sql.generation
    await storage.begin().read_charge(QUERY)
    assert sql.generation == before
    async with fail_over(sql, promoted):
        assert (await storage.begin().read_charge(QUERY)).order is None
    assert sql.generation > before


async def test_what_was_read_from_another_copy_is_not_written_before_it_is_read_again(
    sql: Database, promoted: Database
) -> None:
    storage: Storage = storage_on(sql)
    await SqlBooks(sql).begin("stripe", livemode=False)
    async with fail_over(sql, promoted):
        work = storage.begin()
        await work.read_charge(QUERY)
        work.orders.save(claimed())
        with pytest.raises(Conflict):
            await work.commit()


async def test_a_connection_in_use_to_the_copy_before_is_not_used_again(
    sql: Database, promoted: Database
) -> None:
    await SqlBooks(sql).begin("stripe", livemode=False)
    before = sql.pool.opened
    async with fail_over(sql, promoted):
        await storage_on(sql).begin().read_charge(QUERY)
    connection = await sql.pool.acquire()
    sql.pool.release(connection)
    assert connection.number > before


async def test_a_comparison_on_another_copy_than_before_begins_a_new_generation(
    sql: Database, promoted: Database
) -> None:
    books = SqlBooks(sql)
    await books.begin("stripe", livemode=False)
    before = books.generation
    await books.begin("stripe", livemode=False)
    assert books.generation == before
    async with fail_over(sql, promoted):
        await books.begin("stripe", livemode=False)
    assert books.generation > before


def test_after_a_lost_connection_another_copy_is_no_news(sql: Database) -> None:
    """One comparison is enough after a restart of the server."""
    sql.pool.note_copy("first")
    sql.pool.lost += 1
    before = sql.generation
    sql.pool.note_copy("second")
    assert sql.generation == before
    sql.pool.note_copy("third")
    assert sql.generation > before


def test_a_lost_connection_is_no_excuse_once_the_same_copy_has_answered(sql: Database) -> None:
    sql.pool.note_copy("first")
    sql.pool.lost += 1
    sql.pool.note_copy("first")
    before = sql.generation
    sql.pool.note_copy("second")
    assert sql.generation > before
