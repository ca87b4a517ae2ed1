"""Check the server and its schema, for `payments doctor`."""

from collections.abc import AsyncIterator, Iterator
from typing import Final

from attrs import frozen
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.errors import translating_errors
from adapters.persistence.sql.migrate import (
    current_revision,
    is_known_revision,
    newest_revision,
)
from adapters.persistence.sql.privileges import find_missing_privileges
from adapters.persistence.sql.statement import Statement
from adapters.persistence.sql.tables import metadata
from adapters.persistence.sql.version_table import ENCODING, encoding_problem

# PostgreSQL 15: the oldest version that we support; supported upstream until November 2027
# (https://www.postgresql.org/support/versioning/).
MIN_SERVER_VERSION: Final = 150000

_SERVER: Final = Statement.of(
    text(
        "SELECT current_setting('server_version_num')::int, current_setting('server_version'),"
        " current_setting('server_encoding'), current_setting('synchronous_commit'),"
        " current_setting('fsync'), current_setting('transaction_read_only')::boolean"
    )
)

# What has the name of a table of ours, and whether a crash of the server empties it.
_TABLES: Final = Statement.of(
    text(
        "SELECT name, pg_class.oid IS NULL, coalesce(relpersistence = 'u', false)"
        " FROM unnest(CAST(:tables AS text[])) AS name"
        " LEFT JOIN pg_class ON pg_class.oid = to_regclass(quote_ident(name))"
        " ORDER BY name"
    )
)


@frozen
class HealthCheck:
    """The versions of server and schema, and their problems in one line each."""

    server: str
    revision: str | None
    """The schema's revision; None if there is no schema."""
    problems: tuple[str, ...]


async def check(engine: AsyncEngine) -> HealthCheck:
    """Check the server and the schema.

    Raises:
        StorageUnavailable: the database cannot be reached.
    """
    database = Database(engine)
    [(number, server, encoding, commit, fsync, is_read_only)] = await database.run(_SERVER)
    if await database.has_pooler():
        server += " behind a connection pooler, without prepared statements"
    if fsync == "off":
        server += " with fsync off, which loses data in a power failure"
    missing = await find_missing_privileges(database)
    if missing is not None:
        return HealthCheck(server, None, (missing,))
    revision = await _revision(engine)
    problems = []
    if number < MIN_SERVER_VERSION:
        problems.append(f"PostgreSQL {server} is too old: 15 or newer is required")
    if is_read_only:
        problems.append("the server is read-only: is it a standby?")
    if encoding != ENCODING:
        problems.append(encoding_problem(encoding))
    if commit == "off":
        problems.append(
            "synchronous_commit is off: a crash of the server loses payments that were confirmed;"
            " set it to on for this role or database"
        )
    problems += _schema_problems(revision)
    if revision == newest_revision():
        problems += [each async for each in _table_problems(database)]
    return HealthCheck(server, revision, tuple(problems))


async def _revision(engine: AsyncEngine) -> str | None:
    with translating_errors():
        async with engine.connect() as connection:
            return await current_revision(connection)


def _schema_problems(revision: str | None) -> Iterator[str]:
    if revision is not None and not is_known_revision(revision):
        yield f"the database has schema {revision}, newer than this program supports"
    elif revision != newest_revision():
        found = f"schema {revision}" if revision else "no schema"
        yield f"the database has {found} and needs {newest_revision()}: run `payments migrate`"


async def _table_problems(database: Database) -> AsyncIterator[str]:
    for name, is_missing, is_unlogged in await database.run(_TABLES, tables=list(metadata.tables)):
        if is_missing:
            yield f"the table {name} is missing: restore it from a backup"
        if is_unlogged:
            yield (
                f"the table {name} is unlogged: a crash of the server empties it; run"
                f" ALTER TABLE {name} SET LOGGED"
            )
