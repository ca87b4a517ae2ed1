"""Add the sessions of operators at the console.

Revision ID: 0026
"""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE operator_sessions (
        id bytea PRIMARY KEY,
        operator text NOT NULL,
        proof bytea NOT NULL,
        began_at timestamptz NOT NULL,
        used_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX operator_sessions_began_at ON operator_sessions (began_at)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
