"""Accept the payment status 'authorized', and store what is authorized and captured.

The columns have constant defaults, so that adding them writes no rows. As in 0011, the index of
live payments is built again, and the constraint is validated by a later migration.

Revision ID: 0016
"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE UNIQUE INDEX payments_one_live_an_order_2 ON payments (order_id)
        WHERE status IN ('processing', 'requires_action', 'pending', 'authorized', 'succeeded')
    """,
    # From here on, reads wait too; what is left takes no time.
    "DROP INDEX payments_one_live_an_order",
    "ALTER INDEX payments_one_live_an_order_2 RENAME TO payments_one_live_an_order",
    """
    ALTER TABLE payments
        ADD COLUMN capture_mode text NOT NULL DEFAULT 'automatic',
        ADD COLUMN authorized_until timestamptz,
        ADD COLUMN requested_capture bigint,
        ADD COLUMN capture_attempt integer NOT NULL DEFAULT 0,
        ADD COLUMN decided_at timestamptz,
        DROP CONSTRAINT payments_status_check,
        ADD CONSTRAINT payments_status_check CHECK (
            status IN (
                'processing', 'requires_action', 'pending', 'authorized', 'succeeded', 'failed',
                'cancelled', 'abandoned', 'reversed', 'unwanted', 'review'
            )
        ) NOT VALID
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
