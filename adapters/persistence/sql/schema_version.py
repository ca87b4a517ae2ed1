"""The version of the schema, read cheaply for the readiness probe."""

from typing import Final

from sqlalchemy import text

from adapters.persistence.sql.database import Database, Statement
from application.ports.unit_of_work import StorageUnavailable

SCHEMA_VERSION: Final = "0005"
"""The migration that tables.py describes. Versions are compared as text, so a new migration
continues the numbers."""

_VERSION: Final = Statement.of(text("SELECT version_num FROM alembic_version"))


async def check_schema_version(database: Database) -> None:
    """Check that the schema is not older than this program; a newer one is accepted.

    Raises:
        StorageUnavailable: it is older, or the database cannot be reached.
    """
    versions = [row[0] for row in await database.run(_VERSION)]
    if max(versions, default="") < SCHEMA_VERSION:
        raise StorageUnavailable("the schema is older than this program: run `payments migrate`")
