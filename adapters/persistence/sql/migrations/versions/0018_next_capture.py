"""Keep what a newer shipment names, and why an operator released an authorization.

Revision ID: 0018
"""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Without a default, so nothing is rewritten; earlier versions never write these columns.
    op.execute(
        "ALTER TABLE payments ADD COLUMN next_capture bigint, ADD COLUMN release_reason text"
    )
