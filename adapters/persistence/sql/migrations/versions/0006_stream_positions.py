"""Add the positions up to which each stream of inbound events is applied.

Revision ID: 0006
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE stream_positions (
            stream text NOT NULL,
            consumer text NOT NULL,
            stream_id text NOT NULL,
            consumer_id text NOT NULL,
            applied bigint NOT NULL,
            applied_at timestamptz,
            floor bigint NOT NULL,
            server text NOT NULL,
            written_by text NOT NULL,
            PRIMARY KEY (stream, consumer)
        )
        """
    )
