"""Check all payments against the constraints of 0002; reads and writes continue meanwhile.

Revision ID: 0003
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE payments
            VALIDATE CONSTRAINT payments_status_check,
            VALIDATE CONSTRAINT payments_captured_check
        """
    )
