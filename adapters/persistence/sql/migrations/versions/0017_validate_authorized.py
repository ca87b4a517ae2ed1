"""Check all payments against the constraint of 0016; reads and writes continue meanwhile.

Revision ID: 0017
"""

from alembic import op

revision = "0017"
down_revision = "0016b"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE payments VALIDATE CONSTRAINT payments_status_check")
