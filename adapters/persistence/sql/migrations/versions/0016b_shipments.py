"""Store what is shipped of an order, and its own choice of when to capture.

Apart from 0016: a transaction that locks orders and payments exclusively can deadlock with a
statement that reads both. The columns may exist already, as 0016 once added them too.

Revision ID: 0016b
"""

from alembic import op

revision = "0016b"
down_revision = "0016"
branch_labels = None
depends_on = None

STATEMENT = """
    ALTER TABLE orders
        ADD COLUMN IF NOT EXISTS capture text,
        ADD COLUMN IF NOT EXISTS shipped_version bigint,
        ADD COLUMN IF NOT EXISTS shipped_amount bigint
"""


def upgrade() -> None:
    op.execute(STATEMENT)
