"""Check the server and its schema, for `payments doctor`."""

from typing import Final

from attrs import frozen
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.persistence.sql.database import Database, Statement
from adapters.persistence.sql.errors import translating_errors
from adapters.persistence.sql.migrate import (
    current_revision,
    is_known_revision,
    newest_revision,
)
from adapters.persistence.sql.privileges import find_missing_privileges

# PostgreSQL 15: the oldest version that we support; supported upstream until November 2027
# (https://www.postgresql.org/support/versioning/).
MIN_SERVER_VERSION: Final = 150000

_SERVER: Final = Statement.of(
    text("SELECT current_setting('server_version_num')::int, current_setting('server_version')")
)

_READ_ONLY: Final = text("SELECT current_setting('transaction_read_only')::boolean")


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
    [(number, server)] = await database.run(_SERVER)
    if await database.has_pooler():
        server += " behind a connection pooler, without prepared statements"
    missing = await find_missing_privileges(database)
    if missing is not None:
        return HealthCheck(server, None, (missing,))
    with translating_errors():
        async with engine.connect() as connection:
            revision = await current_revision(connection)
            [read_only] = await connection.execute(_READ_ONLY)
    problems = []
    if number < MIN_SERVER_VERSION:
        problems.append(f"PostgreSQL {server} is too old: 15 or newer is required")
    if read_only[0]:
        problems.append("the server is read-only: is it a standby?")
    if revision is not None and not is_known_revision(revision):
        problems.append(f"the database has schema {revision}, newer than this program supports")
    elif revision != newest_revision():
        found = f"schema {revision}" if revision else "no schema"
        problems.append(
            f"the database has {found} and needs {newest_revision()}: run `payments migrate`"
        )
    return HealthCheck(server, revision, tuple(problems))
