"""Check all payments against the constraint of 0011; reads and writes continue meanwhile.

Revision ID: 0012
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE payments VALIDATE CONSTRAINT payments_status_check")
