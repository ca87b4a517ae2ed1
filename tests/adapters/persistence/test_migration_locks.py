"""No migration locks two tables of one statement: it could deadlock with what still runs.

A statement that reads or writes two tables locks them in an order of its own. A migration that
holds one of them and waits for the other ends such a statement, or itself, with a deadlock.
"""

import asyncio
from typing import Final

from sqlalchemy import Connection, text

from adapters.persistence.sql.engine import create_engine
from adapters.persistence.sql.migrate import _run_next_migration, migrate
from adapters.persistence.sql.version_table import find_revision

# No statement of 1.0.0rc1, whose tables 0004 renames, uses both of them.
NEVER_USED_TOGETHER: Final = {"0004": {"idempotency_keys", "deferred_notifications"}}

TABLES: Final = text("SELECT oid FROM pg_class WHERE relkind = 'r'")

# The modes that statements which read or write must wait for.
LOCKED: Final = text(
    "SELECT DISTINCT relname FROM pg_locks JOIN pg_class ON oid = relation"
    " WHERE pid = pg_backend_pid() AND relkind = 'r' AND oid = any(:tables) AND mode IN"
    " ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')"
)


async def test_no_migration_locks_two_tables_of_one_statement(empty_database_url: str) -> None:
    locked = dict[str, set[str]]()

    def run_next(connection: Connection) -> bool:
        tables = list(connection.execute(TABLES).scalars())
        if not _run_next_migration(connection, None):
            return False
        names = set(connection.execute(LOCKED, {"tables": tables}).scalars())
        revision = find_revision(connection)
        assert revision is not None
        locked[revision] = names
        return True

    engine = create_engine(empty_database_url, pool_size=1)
    more = True
    while more:
        async with engine.begin() as connection:
            more = await connection.run_sync(run_next)
    await engine.dispose()
    assert locked["0016"] == {"payments"}  # what is looked for is seen
    several = {revision: names for revision, names in locked.items() if len(names) > 1}
    assert several == NEVER_USED_TOGETHER


async def test_columns_that_an_earlier_build_has_added_are_no_error(
    empty_database_url: str,
) -> None:
    engine, revision = create_engine(empty_database_url, pool_size=1), None
    async with engine.connect() as connection:
        while revision != "0016":
            async with connection.begin():
                await connection.run_sync(_run_next_migration, None)
                revision = await connection.run_sync(find_revision)
        async with connection.begin():
            await connection.execute(text("ALTER TABLE orders ADD COLUMN capture text"))
    await engine.dispose()
    await asyncio.to_thread(migrate, empty_database_url)
