"""Add the differences between the gateways' books and ours.

The index of block ranges finds the payments of a time. It has an entry for each 128 pages, so that
it is built in a moment and costs a new payment nothing.

Revision ID: 0020
"""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE differences (
        gateway text NOT NULL,
        livemode boolean NOT NULL,
        kind text NOT NULL,
        subject text NOT NULL,
        order_id text,
        payment_id text,
        charge_id text,
        refund_id text,
        ours text,
        theirs text,
        reason text,
        repaired boolean NOT NULL,
        at timestamptz NOT NULL,
        found_at timestamptz NOT NULL,
        seen_at timestamptz NOT NULL,
        resolved_at timestamptz,
        PRIMARY KEY (gateway, livemode, kind, subject)
    )
    """,
    "CREATE INDEX differences_open ON differences (found_at) WHERE resolved_at IS NULL",
    "CREATE INDEX differences_seen_at ON differences (seen_at)",
    "CREATE INDEX payments_created_at ON payments USING brin (created_at)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
