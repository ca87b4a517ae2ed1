"""Rename the tables answers and kept_notices to idempotency_keys and deferred_notifications.

Processes of release 1.0.0rc1 use the old names until they are stopped. For them there are updatable
views with the old names, the old column names and the same privileges. A later migration drops the
views.

Revision ID: 0004
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _copy_owner_and_privileges(table: str, view: str) -> str:
    """Return SQL that gives a view the owner and the privileges of a table."""
    return f"""
    DO $$
    DECLARE
        entry record;
    BEGIN
        EXECUTE format(
            'ALTER VIEW {view} OWNER TO %I',
            (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = '{table}'::regclass)
        );
        FOR entry IN
            SELECT privilege_type, grantee, is_grantable
            FROM pg_class, aclexplode(relacl)
            WHERE oid = '{table}'::regclass AND grantee <> relowner
            AND privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
        LOOP
            EXECUTE format(
                'GRANT %s ON {view} TO %s %s',
                entry.privilege_type,
                CASE entry.grantee
                    WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(entry.grantee))
                END,
                CASE WHEN entry.is_grantable THEN 'WITH GRANT OPTION' ELSE '' END
            );
        END LOOP;
    END
    $$
    """  # noqa: S608 - both names are constants of this file


STATEMENTS = (
    "ALTER TABLE answers RENAME TO idempotency_keys",
    "ALTER TABLE idempotency_keys RENAME COLUMN code TO status",
    "ALTER TABLE idempotency_keys RENAME CONSTRAINT answers_pkey TO idempotency_keys_pkey",
    "ALTER TABLE idempotency_keys RENAME CONSTRAINT answers_check TO idempotency_keys_check",
    "ALTER INDEX answers_begun_at RENAME TO idempotency_keys_begun_at",
    """
    CREATE VIEW answers AS
        SELECT user_id, key, fingerprint, holder, begun_at, lease_ends, status AS code, content
        FROM idempotency_keys
    """,
    _copy_owner_and_privileges("idempotency_keys", "answers"),
    "ALTER TABLE kept_notices RENAME TO deferred_notifications",
    "ALTER TABLE deferred_notifications RENAME COLUMN since TO deferred_at",
    """
    ALTER TABLE deferred_notifications
        RENAME CONSTRAINT kept_notices_pkey TO deferred_notifications_pkey
    """,
    """
    ALTER TABLE deferred_notifications
        RENAME CONSTRAINT kept_notices_kind_check TO deferred_notifications_kind_check
    """,
    "ALTER INDEX kept_notices_since RENAME TO deferred_notifications_deferred_at",
    """
    CREATE VIEW kept_notices AS
        SELECT id, charge_id, kind, data, deferred_at AS since FROM deferred_notifications
    """,
    _copy_owner_and_privileges("deferred_notifications", "kept_notices"),
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
