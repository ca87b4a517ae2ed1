"""Roots after a dump was loaded into another server, and of large transactions."""

from typing import Final

import pytest
from sqlalchemy import text

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.statement import Rows, Statement
from application.ports.history_roots import RECORDED_AT_ONCE
from domain.identifiers import OrderId
from tests.contracts.history_roots import assert_proved, create
from tests.contracts.storages import Storage, storage_on

# The transactions of the server that the dump is from had numbers as much higher.
_HIGHER: Final = 1_000_000_000


async def execute(database: Database, statement: str) -> Rows:
    return await database.run(Statement.of(text(statement)))


async def load_dump(database: Database, *, with_roots: bool) -> None:
    """Leave the tables as a dump leaves them on a server that has executed less."""
    await execute(database, f"UPDATE order_history SET transaction = transaction + {_HIGHER}")
    await execute(database, f"UPDATE history_roots SET complete_until = complete_until + {_HIGHER}")
    if not with_roots:
        for table in ("history_leaves", "history_nodes", "history_roots"):
            await execute(database, f"DELETE FROM {table}")


async def rooted_orders(storage: Storage) -> list[OrderId]:
    """Create orders of which some are in a root."""
    rooted = await create(storage, 0, 20)
    await storage.roots.record()
    return [*rooted, *await create(storage, 20, 40)]


@pytest.mark.parametrize("with_roots", [True, False])
async def test_all_of_a_dump_is_in_the_next_root(sql: Database, with_roots: bool) -> None:
    storage = storage_on(sql)
    ids = await rooted_orders(storage)
    await load_dump(sql, with_roots=with_roots)
    for number in (40, 41):
        ids += await create(storage, number, number + 1)
        root = await storage.roots.record()
        assert root is not None
        assert (root.orders, root.is_complete) == (number + 1, True)
        for order_id in ids:
            await assert_proved(storage, order_id)


async def test_what_the_roots_of_a_dump_contain_is_not_read_again(sql: Database) -> None:
    storage = storage_on(sql)
    await rooted_orders(storage)
    await load_dump(sql, with_roots=True)
    await execute(sql, "UPDATE history_leaves SET seq = 0")  # 1 again if an entry is read
    await storage.roots.record()
    assert await execute(sql, "SELECT seq, count(*) FROM history_leaves GROUP BY 1 ORDER BY 1") == [
        (0, 20),
        (1, 20),
    ]
    await execute(sql, "UPDATE history_leaves SET seq = 0")
    await storage.roots.record()
    assert await execute(sql, "SELECT DISTINCT seq FROM history_leaves") == [(0,)]


async def test_a_transaction_with_more_entries_than_a_root_takes_in_is_taken_in(
    sql: Database,
) -> None:
    storage = storage_on(sql)
    await execute(
        sql,
        "INSERT INTO order_history (order_id, seq, content, hash)"
        " SELECT 'order-' || number, 1, '{}', sha256('{}')"
        f" FROM generate_series(0, {RECORDED_AT_ONCE}) AS number",
    )
    root = await storage.roots.record()
    assert root is not None
    assert root.orders == RECORDED_AT_ONCE + 1
