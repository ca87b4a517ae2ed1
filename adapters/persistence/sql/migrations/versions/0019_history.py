"""Add the histories of orders, and where each of them ends.

An order that exists has none until it changes. The columns have no default, so adding them writes
no rows; older processes leave them as they are, which the revision next to them shows.

Revision ID: 0019
"""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    ALTER TABLE orders
        ADD COLUMN history_seq bigint,
        ADD COLUMN history_hash bytea,
        ADD COLUMN history_revision bigint
    """,
    """
    CREATE TABLE order_history (
        order_id text NOT NULL,
        seq bigint NOT NULL,
        at timestamptz NOT NULL,
        who text NOT NULL,
        why text NOT NULL,
        change text NOT NULL,
        hash bytea NOT NULL,
        transaction bigint NOT NULL DEFAULT (pg_current_xact_id()::text)::bigint,
        PRIMARY KEY (order_id, seq)
    )
    """,
    "CREATE INDEX order_history_transaction ON order_history (transaction)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
