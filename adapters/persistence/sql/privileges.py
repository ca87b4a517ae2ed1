"""The privileges that the service's role needs; `payments migrate` needs to own the tables."""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import text

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.statement import Statement
from adapters.persistence.sql.tables import (
    alerts,
    declines,
    deferred_notifications,
    differences,
    idempotency_keys,
    inbox,
    metadata,
    operator_sessions,
    order_history,
    outbox,
    unusable_notifications,
)
from adapters.persistence.sql.version_table import VERSION_TABLE
from application.ports.unit_of_work import StorageUnavailable

# Rows of the other tables are never deleted.
_DELETED_FROM: Final = {
    each.name
    for each in (
        *(alerts, declines, deferred_notifications, idempotency_keys, inbox, outbox),
        *(differences, operator_sessions, unusable_notifications),
    )
}

# Rows of these are not updated either: a role without the privilege cannot change a history.
_ONLY_ADDED_TO: Final = {order_history.name}


def _needed_on(table: str) -> Sequence[str]:
    if table in _ONLY_ADDED_TO:
        return "SELECT", "INSERT"
    changes = ("UPDATE", "DELETE") if table in _DELETED_FROM else ("UPDATE",)
    return "SELECT", "INSERT", *changes


REQUIRED: Final[Mapping[str, Sequence[str]]] = {
    VERSION_TABLE: ("SELECT",),
    **{name: _needed_on(name) for name in sorted(metadata.tables)},
}
"""The privileges on each table. Of sequences, USAGE is needed."""

_NEEDED: Final = [(table, each) for table, privileges in REQUIRED.items() for each in privileges]
_TABLES: Final = ",".join(table for table, _ in _NEEDED)
_PRIVILEGES: Final = ",".join(privilege for _, privilege in _NEEDED)

HAS_ALL: Final = f"""
    (
        SELECT bool_and(has_table_privilege(oid, privilege) AND NOT row_security_active(oid))
        FROM (
            SELECT to_regclass(table_name) AS oid, privilege
            FROM unnest(CAST('{{{_TABLES}}}' AS text[]), CAST('{{{_PRIVILEGES}}}' AS text[]))
                AS named (table_name, privilege)
            OFFSET 0
        ) AS needed
    ) IS NOT FALSE AND (
        SELECT bool_and(has_sequence_privilege(seqrelid, 'USAGE'))
        FROM pg_sequence JOIN pg_depend ON objid = seqrelid AND deptype = 'a'
        WHERE classid = CAST('pg_class' AS regclass) AND refclassid = classid
        AND refobjid = ANY (ARRAY(
            SELECT to_regclass(table_name)
            FROM unnest(CAST('{{{",".join(REQUIRED)}}}' AS text[])) AS table_name
        ))
    ) IS NOT FALSE
"""  # noqa: S608 - names of our own schema
"""SQL for whether the role surely has every privilege, at a tenth of the cost of naming those that
it lacks: 50 us. It is also false where there are policies for the role's rows."""

# It asks about names in the catalog, so it needs no privilege itself. What does not exist is no
# missing privilege.
_MISSING: Final = Statement.of(
    text(
        """
        WITH needed AS (
            SELECT pg_class.oid, relname, relkind, privilege
            FROM unnest(CAST(:tables AS text[]), CAST(:privileges AS text[]))
                AS needed (table_name, privilege)
            JOIN pg_class ON relname = table_name AND relkind = 'r'
            JOIN pg_namespace ON pg_namespace.oid = relnamespace
            WHERE nspname = ANY (
                string_to_array(replace(current_setting('search_path'), '"', ''), ', ')
                || CAST(current_user AS text)
            )
        )
        SELECT DISTINCT current_user, 'schema ' || nspname, 'USAGE' FROM needed
            JOIN pg_class ON pg_class.oid = needed.oid
            JOIN pg_namespace ON pg_namespace.oid = relnamespace
            WHERE NOT has_schema_privilege(relnamespace, 'USAGE')
        UNION ALL
        SELECT current_user, relname, string_agg(privilege, ', ' ORDER BY privilege) FROM needed
            WHERE NOT has_table_privilege(oid, privilege) GROUP BY relname
        UNION ALL
        -- Without a policy for it, the role sees no row, as if there were no orders.
        SELECT DISTINCT current_user, relname, 'BYPASSRLS, or a policy' FROM needed
            WHERE row_security_active(oid)
                AND NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = needed.oid)
        UNION ALL
        SELECT DISTINCT current_user, 'sequence ' || sequence.relname, 'USAGE' FROM needed
            JOIN pg_depend ON refobjid = needed.oid AND deptype = 'a'
            JOIN pg_class AS sequence ON sequence.oid = objid AND sequence.relkind = 'S'
            -- The server may evaluate conditions in any order, except those of a CASE.
            WHERE CASE sequence.relkind
                WHEN 'S' THEN NOT has_sequence_privilege(sequence.oid, 'USAGE') ELSE false
            END
        """
    )
)


async def find_missing_privileges(database: Database) -> str | None:
    """Return which privileges the role lacks, in one line; None if it has them all.

    Raises:
        StorageUnavailable: the database cannot be reached.
    """
    rows = await database.run(
        _MISSING,
        tables=[table for table, _ in _NEEDED],
        privileges=[privilege for _, privilege in _NEEDED],
    )
    if not rows:
        return None
    lacks = "; ".join(f"{privileges} on {name}" for _, name, privileges in rows)
    return f"the role {rows[0][0]} lacks {lacks}: see docs/database.md"


async def check_privileges(database: Database) -> None:
    """Check that the role has every privilege that the service needs.

    Raises:
        StorageUnavailable: it lacks some, or the database cannot be reached.
    """
    missing = await find_missing_privileges(database)
    if missing is not None:
        raise StorageUnavailable(missing)
