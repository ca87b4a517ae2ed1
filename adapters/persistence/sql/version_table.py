"""The table with the revision of our schema, and whether a schema is ours at all.

It has a name of its own: `alembic_version` belongs to whichever service migrated first, and two
services in one schema would read each other's revision.
"""

from typing import Final

from sqlalchemy import Connection, text

from adapters.persistence.sql.tables import metadata
from application.ports.unit_of_work import StorageUnavailable

VERSION_TABLE: Final = "payments_schema_version"

# The name until release 1.0.0rc2.
_OLD_VERSION_TABLE: Final = "alembic_version"

# The tables that have been renamed since (migration 0004).
_OLD_TABLES: Final = ("answers", "kept_notices")

ENCODING: Final = "UTF8"
"""The only encoding that has every character which an event or a request may contain."""

# Columns that no other program's tables of these names have together.
_OURS: Final = (
    ("orders", "terms_version"),
    ("payments", "look_at"),
    ("refunds", "automatic"),
    ("outbox", "parked"),
)

_RELATIONS: Final = text(
    "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(quote_ident(:schema))"
)

_COLUMNS: Final = text(
    "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = :schema"
)

# Processes of older releases read the old name in their readiness check and in their own
# `payments migrate` and `payments doctor`.
_RENAME: Final = (
    f"ALTER TABLE {_OLD_VERSION_TABLE} RENAME TO {VERSION_TABLE}",
    f"ALTER TABLE {VERSION_TABLE}"
    f" RENAME CONSTRAINT {_OLD_VERSION_TABLE}_pkc TO {VERSION_TABLE}_pkc",
    f"CREATE VIEW {_OLD_VERSION_TABLE} AS SELECT * FROM {VERSION_TABLE}",  # noqa: S608
    f"GRANT SELECT ON {_OLD_VERSION_TABLE} TO PUBLIC",
)


def find_revision(connection: Connection) -> str | None:
    """Return the revision of our schema; None before its first migration.

    Raises:
        StorageUnavailable: tables of another program are in its place.
    """
    table = _version_table(connection)
    if table is None:
        return None
    found = connection.execute(text(f"SELECT max(version_num) FROM {table}"))  # noqa: S608
    revision: str | None = found.scalar_one()
    return revision


def prepare_schema(connection: Connection, schema: str | None) -> None:
    """Create the schema if it is missing, and give the version table its present name.

    Raises:
        StorageUnavailable: tables of another program are in the place of ours. Nothing is changed.
    """
    if schema is not None and _current_schema(connection) is None:
        quoted = connection.dialect.identifier_preparer.quote_identifier(schema)
        connection.execute(text(f"CREATE SCHEMA {quoted}"))
    table = _version_table(connection)
    if table is None:
        _check_encoding(connection)
    if table == _OLD_VERSION_TABLE:
        for statement in _RENAME:
            connection.execute(text(statement))


def _check_encoding(connection: Connection) -> None:
    encoding: str = connection.execute(text("SHOW server_encoding")).scalar_one()
    if encoding != ENCODING:
        raise StorageUnavailable(encoding_problem(encoding))


def encoding_problem(encoding: str) -> str:
    """Return what is wrong with the encoding of a database."""
    return (
        f"the encoding of the database is {encoding}, which cannot store every text: create it"
        f" with ENCODING '{ENCODING}'"
    )


def _version_table(connection: Connection) -> str | None:
    """Return the name of our version table; None before the first migration."""
    schema = _current_schema(connection)
    if schema is None:
        raise StorageUnavailable(
            "the search path names no schema that exists and may be used: name one with ?schema="
            " in DATABASE_URL, and run `payments migrate`"
        )
    relations = {name for (name,) in connection.execute(_RELATIONS, {"schema": schema})}
    if VERSION_TABLE in relations:
        return VERSION_TABLE
    columns = {(table, name) for table, name in connection.execute(_COLUMNS, {"schema": schema})}
    if _OLD_VERSION_TABLE in relations and columns.issuperset(_OURS):
        return _OLD_VERSION_TABLE
    foreign = sorted(relations & {*metadata.tables, *_OLD_TABLES})
    if foreign:
        raise StorageUnavailable(
            f"the schema {schema} has a table {foreign[0]} of another program: give the service a"
            " schema of its own, with ?schema=payments in DATABASE_URL"
        )
    return None


def _current_schema(connection: Connection) -> str | None:
    schema: str | None = connection.execute(text("SELECT current_schema()")).scalar_one()
    return schema
