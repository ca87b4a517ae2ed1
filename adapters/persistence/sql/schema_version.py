"""The version of the schema, read cheaply for the readiness probe."""

from typing import Final

from sqlalchemy import text

from adapters.persistence.sql.database import Database, Statement
from adapters.persistence.sql.version_table import VERSION_TABLE
from application.ports.unit_of_work import StorageUnavailable

SCHEMA_VERSION: Final = "0015"
"""The migration that tables.py describes. Versions are compared as text, so a new migration
continues the numbers."""

# A standby is always read-only.
_VERSION: Final = Statement.of(
    text(
        "SELECT version_num, current_setting('transaction_read_only')::boolean"  # noqa: S608
        f" FROM {VERSION_TABLE}"
    )
)


async def check_schema_version(database: Database) -> None:
    """Check that the schema is not older than this program, and that it can be written.

    A newer schema is accepted.

    Raises:
        StorageUnavailable: it is older, the server is read-only, or it cannot be reached.
    """
    rows = await database.run(_VERSION)
    if max((version for version, _ in rows), default="") < SCHEMA_VERSION:
        raise StorageUnavailable("the schema is older than this program: run `payments migrate`")
    if any(is_read_only for _, is_read_only in rows):
        raise StorageUnavailable("the server is read-only: is it a standby?")
