"""Check all rows against the constraints of 0023 and 0024; reads and writes continue meanwhile.

Revision ID: 0025
"""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE orders VALIDATE CONSTRAINT orders_status_check")
    op.execute("ALTER TABLE payments VALIDATE CONSTRAINT payments_status_check")
