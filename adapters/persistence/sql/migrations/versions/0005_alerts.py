"""Add the alerts of all processes: what an operator must know.

Revision ID: 0005
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE alerts (
        kind text NOT NULL,
        subject text NOT NULL,
        text text NOT NULL,
        first_at timestamptz NOT NULL,
        last_at timestamptz NOT NULL,
        count bigint NOT NULL CHECK (count > 0),
        PRIMARY KEY (kind, subject)
    )
    """,
    "CREATE INDEX alerts_last_at ON alerts (last_at)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
