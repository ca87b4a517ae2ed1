"""Add an index of block ranges that finds the refunds of a time, as there is one for payments.

Revision ID: 0022
"""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE INDEX refunds_created_at ON refunds USING brin (created_at)")
