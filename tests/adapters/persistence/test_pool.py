"""The pool of connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from attrs import define
from sqlalchemy import text

from adapters.persistence.sql import pool as pool_module
from adapters.persistence.sql.connector import Connector
from adapters.persistence.sql.database import Database
from adapters.persistence.sql.engine import create_engine
from adapters.persistence.sql.pool import Driver
from adapters.persistence.sql.statement import Statement
from application.ports.unit_of_work import StorageUnavailable

SECONDS = 60.0

ONE = Statement.of(text("SELECT 1"))
JSON = Statement.of(text("SELECT '{\"a\": [1]}'::json, '{\"a\": [1]}'::jsonb"))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Yield a database with two connections."""
    engine = create_engine(database_url, pool_size=2)
    yield Database(engine)
    await engine.dispose()


async def test_a_connection_is_opened_when_it_is_needed_and_used_again(database: Database) -> None:
    assert database.pool.opened == 0
    for _ in range(3):
        await database.run(ONE)
    assert (database.pool.opened, database.pool.in_use) == (1, 0)
    first, second = [await database.pool.acquire() for _ in range(2)]
    assert (first.number, second.number) == (1, 2)
    database.pool.release(second)
    database.pool.release(first)
    assert await database.pool.acquire() is first
    database.pool.release(first)


async def test_callers_get_connections_in_the_order_of_their_requests(database: Database) -> None:
    taken = [await database.pool.acquire() for _ in range(2)]
    served = []

    async def wait(number: int) -> None:
        connection = await database.pool.acquire()
        served.append(number)
        database.pool.release(connection)

    waiting = [asyncio.create_task(wait(number)) for number in range(5)]
    await asyncio.sleep(0)
    database.pool.release(taken[0])
    late = asyncio.create_task(wait(5))
    async with asyncio.timeout(SECONDS):
        await asyncio.gather(*waiting, late)
    assert served == list(range(6))
    database.pool.release(taken[1])


@pytest.mark.parametrize("turns", range(4))
async def test_a_caller_that_stops_waiting_leaves_its_place_to_the_next(
    database: Database, turns: int
) -> None:
    taken = [await database.pool.acquire() for _ in range(2)]
    impatient = asyncio.create_task(database.pool.acquire())
    patient = asyncio.create_task(database.pool.acquire())
    await asyncio.sleep(0)
    database.pool.release(taken[0])  # hands its place over
    for _ in range(turns):
        await asyncio.sleep(0)
    impatient.cancel()
    with suppress(asyncio.CancelledError):
        database.pool.release(await impatient)
    async with asyncio.timeout(SECONDS):
        database.pool.release(await patient)
    database.pool.release(taken[1])
    assert database.pool.in_use == 0


async def test_a_caller_waits_for_a_limited_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "POOL_SECONDS", 0.01)
    taken = [await database.pool.acquire() for _ in range(2)]
    with pytest.raises(StorageUnavailable, match="in use"):
        await database.run(ONE)
    for connection in taken:
        database.pool.release(connection)
    await database.run(ONE)
    assert database.pool.in_use == 0


async def test_a_connection_that_cannot_be_opened_takes_no_place(
    database_url: str, database: Database
) -> None:
    refused = Database(create_engine(database_url.replace("://payments:", "://nobody:"), 1))
    for _ in range(3):
        with pytest.raises(StorageUnavailable):
            await refused.run(ONE)
    assert refused.pool.in_use == 0


async def test_closing_closes_every_connection_and_it_can_be_used_again(
    database: Database,
) -> None:
    idle, used = [await database.pool.acquire() for _ in range(2)]
    database.pool.release(idle)
    await database.engine.dispose()
    assert idle.driver.is_closed()
    assert not used.driver.is_closed()
    database.pool.release(used)
    assert used.driver.is_closed()
    assert not database.pool.idle
    await database.run(ONE)


@define
class Distrusting:
    """Opens connections; meanwhile, all connections lose trust."""

    database: Database
    connector: Connector

    async def connect(self) -> Driver:
        driver = await self.connector.connect()
        self.database.distrust_connections()
        return driver


async def test_a_connection_that_is_opened_while_the_others_lose_trust_is_used_once(
    database: Database,
) -> None:
    """It may lead to the server that the others led to."""
    connector = database.pool.connector
    database.pool.connector = Distrusting(database, connector)  # type: ignore[assignment]
    await database.run(ONE)
    database.pool.connector = connector
    for _ in range(2):
        await database.run(ONE)
    assert database.pool.opened == 2


async def test_json_is_read_as_values(database: Database) -> None:
    assert await database.run(JSON) == [({"a": [1]}, {"a": [1]})]


async def test_the_connections_of_transactions_are_replaced_together_with_the_others(
    database: Database,
) -> None:
    servers = []
    for _ in range(2):
        for _ in range(2):
            async with database.engine.connect() as connection:
                servers.append(await connection.scalar(text("SELECT pg_backend_pid()")))
        database.distrust_connections()
    assert servers[0] == servers[1] != servers[2] == servers[3]
