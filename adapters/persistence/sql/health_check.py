"""Whether the server and its schema will do, for `payments doctor`."""

from typing import Final

from attrs import frozen
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.persistence.sql.database import Database, Statement, translating_errors
from adapters.persistence.sql.migrate import current_revision, knows, newest_revision

# The oldest that our features are tested for; still supported until November 2027
# (https://www.postgresql.org/support/versioning/).
OLDEST_SERVER: Final = 150000

_SERVER: Final = Statement.of(
    text("SELECT current_setting('server_version_num')::int, current_setting('server_version')")
)


@frozen
class HealthCheck:
    """What was found at the other end, and what is wrong with it, one line each."""

    server: str
    revision: str | None
    """The schema; None if there is none."""
    problems: tuple[str, ...]


async def check(engine: AsyncEngine) -> HealthCheck:
    """Look at the server and the schema.

    Raises:
        StorageUnavailable: the database cannot be reached.
    """
    [(number, server)] = await Database(engine).run(_SERVER)
    with translating_errors():
        async with engine.connect() as connection:
            revision = await current_revision(connection)
    problems = []
    if number < OLDEST_SERVER:
        problems.append(f"PostgreSQL {server} is too old: 15 or newer is needed")
    if revision is not None and not knows(revision):
        problems.append(f"the database has schema {revision}, newer than this program")
    elif revision != newest_revision():
        has = f"schema {revision}" if revision else "no schema"
        problems.append(f"the database has {has}, and {newest_revision()} is needed: migrate it")
    return HealthCheck(server, revision, tuple(problems))
