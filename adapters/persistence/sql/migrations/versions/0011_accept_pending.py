"""Accept the payment status 'pending': accepted by the gateway, and the money comes later.

The index of live payments is built again with it, which took 2 s for a million payments on a busy
machine; writes of payments wait that long, reads do not. A process of an earlier release cannot
read an order with such a payment; a later one handles it.

Revision ID: 0011
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE UNIQUE INDEX payments_one_live_an_order_2 ON payments (order_id)
        WHERE status IN ('processing', 'requires_action', 'pending', 'succeeded')
    """,
    "CREATE INDEX payments_pending ON payments (created_at) WHERE status = 'pending'",
    # From here on, reads wait too; what is left takes no time.
    "DROP INDEX payments_one_live_an_order",
    "ALTER INDEX payments_one_live_an_order_2 RENAME TO payments_one_live_an_order",
    # NOT VALID: the rows are checked by the next migration, without the exclusive lock of this one.
    """
    ALTER TABLE payments
        DROP CONSTRAINT payments_status_check,
        ADD CONSTRAINT payments_status_check CHECK (
            status IN (
                'processing', 'requires_action', 'pending', 'succeeded', 'failed', 'cancelled',
                'abandoned', 'reversed', 'unwanted', 'review'
            )
        ) NOT VALID
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
