"""Let a relay that has found nothing ask to be woken by the next commit that adds events.

The column can be NULL, so adding it neither writes nor reads the row. Processes of earlier releases
do not know it: a relay of theirs is not woken, and their commits wake none; both poll, as before.

Revision ID: 0013
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE relay ADD COLUMN sleeps_until timestamptz")
