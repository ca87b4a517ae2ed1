"""Add the identity of the database, and the time until which each gateway's charges are in it.

Revision ID: 0010
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

STATEMENTS = (
    # 32 bits: a few databases that share a gateway's account must differ.
    """
    CREATE TABLE database_identity (
        identity text PRIMARY KEY CHECK (identity ~ '^[0-9a-f]{8}$')
    )
    """,
    "INSERT INTO database_identity SELECT left(replace(gen_random_uuid()::text, '-', ''), 8)",
    """
    CREATE TABLE gateway_marks (
        gateway text NOT NULL,
        livemode boolean NOT NULL,
        comparison text NOT NULL,
        complete_until timestamptz,
        PRIMARY KEY (gateway, livemode)
    )
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
