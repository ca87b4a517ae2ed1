"""Bring a database to the newest schema; two at once, or doing it twice, does no harm."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.persistence.sql.database import translating_errors
from adapters.persistence.sql.engine import create_engine
from application.ports.unit_of_work import StorageUnavailable

# Any number will do, as long as nobody else locks it: "paym" in ASCII.
LOCK: Final = 0x7061796D

# How long to wait for somebody else who migrates the same database.
LOCK_SECONDS: Final = 60

# A schema change that waits for a long query holds up everybody who comes after it; better it
# fails, and is run again.
TABLE_LOCK_SECONDS: Final = 5

# Building an index on a big table takes a while.
STATEMENT_SECONDS: Final = 3600.0


def migrate(database_url: str) -> None:
    """Bring the database to the newest schema; may be called in or outside of an event loop.

    Raises:
        StorageUnavailable: the database cannot be reached, somebody else holds it for too long,
            or its schema is newer than this program.
    """
    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(asyncio.run, _migrate(database_url)).result()


def newest_revision() -> str:
    """The schema this program is written for."""
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    assert newest is not None, "there is a first migration"  # noqa: S101
    return newest


def knows(revision: str) -> bool:
    """Whether this program has heard of a schema; of a newer one it has not."""
    known = ScriptDirectory.from_config(_config()).walk_revisions()
    return any(each.revision == revision for each in known)


async def current_revision(connection: AsyncConnection) -> str | None:
    """The schema the database has; None before its first migration."""
    return await connection.run_sync(
        lambda sync: MigrationContext.configure(sync).get_current_revision()
    )


async def _migrate(database_url: str) -> None:
    engine = create_engine(database_url, pool_size=1, statement_seconds=STATEMENT_SECONDS)
    transactional = engine.execution_options(isolation_level="READ COMMITTED")
    try:
        with translating_errors():
            async with transactional.begin() as connection:
                await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> None:
    connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))
    connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
    connection.execute(text(f"SET LOCAL lock_timeout = '{TABLE_LOCK_SECONDS}s'"))
    config = _config()
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise StorageUnavailable(str(error)) from error


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    return config
