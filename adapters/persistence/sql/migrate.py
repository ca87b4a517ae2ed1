"""Migrate a database to the newest schema. Repeating it, or running two at once, is harmless."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.database_url import DatabaseUrl
from adapters.persistence.sql.engine import create_engine
from adapters.persistence.sql.errors import translating_errors
from adapters.persistence.sql.rename_old_values import rename_old_values
from adapters.persistence.sql.version_table import find_revision, prepare_schema
from application.ports.unit_of_work import StorageUnavailable

# An arbitrary number that no other program locks: "paym" in ASCII.
LOCK: Final = 0x7061796D

# How long to wait for another migration of the same database.
LOCK_SECONDS: Final = 60

# A schema change that waits for a long query blocks all queries after it. It fails instead, and can
# be run again.
TABLE_LOCK_SECONDS: Final = 5

# A statement that reads or indexes a large table may take minutes; more than an hour is a failure.
STATEMENT_SECONDS: Final = 3600.0

# Hosts set these on a role for the short statements of a service. Not every version has each.
_NO_TIMEOUTS: Final = text(
    "SELECT set_config(name, '0', true) FROM pg_settings WHERE name IN"
    " ('statement_timeout', 'transaction_timeout', 'idle_in_transaction_session_timeout')"
)


def migrate(database_url: str) -> None:
    """Migrate the database to the newest schema; may be called inside or outside an event loop.

    Processes of the previous release keep working during the migration and after it. Run it once
    more when they are stopped, to rename what they have stored under old names.

    Raises:
        StorageUnavailable: the database cannot be reached, another process locks it for too long,
            or its schema is newer than this program.
    """
    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(asyncio.run, _migrate(database_url)).result()


def newest_revision() -> str:
    """Return the revision of the schema that this program needs."""
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    assert newest is not None, "there is a first migration"  # noqa: S101
    return newest


def is_known_revision(revision: str) -> bool:
    """Whether this program has a migration to this revision; it has none to a newer one."""
    known = ScriptDirectory.from_config(_config()).walk_revisions()
    return any(each.revision == revision for each in known)


async def current_revision(connection: AsyncConnection) -> str | None:
    """Return the revision of the database's schema; None before its first migration.

    Raises:
        StorageUnavailable: tables of another program are in its place.
    """
    return await connection.run_sync(find_revision)


async def _migrate(database_url: str) -> None:
    engine = create_engine(database_url, pool_size=1, statement_seconds=STATEMENT_SECONDS)
    schema = DatabaseUrl.parse(database_url, os.environ).schema
    try:
        with translating_errors():
            while await _upgrade_by_one(engine, schema):
                pass
        await rename_old_values(Database(engine))
    finally:
        await engine.dispose()


async def _upgrade_by_one(engine: AsyncEngine, schema: str | None) -> bool:
    """Run the next migration; return whether there was one.

    Each migration is a transaction of its own, so that the lock on one table is not held while
    the next one waits for another table, or reads it.
    """
    transactional = engine.execution_options(isolation_level="READ COMMITTED")
    async with transactional.begin() as connection:
        return await connection.run_sync(_run_next_migration, schema)


def _run_next_migration(connection: Connection, schema: str | None) -> bool:
    connection.execute(_NO_TIMEOUTS)
    connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))
    connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
    connection.execute(text(f"SET LOCAL lock_timeout = '{TABLE_LOCK_SECONDS}s'"))
    prepare_schema(connection, schema)
    if find_revision(connection) == newest_revision():
        return False
    config = _config()
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "+1")
    except CommandError as error:
        raise StorageUnavailable(str(error)) from error
    return True


def _config() -> Config:
    config = Config()
    # ConfigParser would take a % in the path for the beginning of a reference.
    folder = str(Path(__file__).with_name("migrations")).replace("%", "%%")
    config.set_main_option("script_location", folder)
    return config
