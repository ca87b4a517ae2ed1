"""Accept the payment status 'cancelled': its customer cancelled it.

A process of an earlier release cannot read an order with such a payment; a later one handles it.
Only a process of this release writes the status, when a customer asks for it.

Revision ID: 0007
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # NOT VALID: the rows are checked by the next migration, without the exclusive lock of this one.
    op.execute(
        """
        ALTER TABLE payments
            DROP CONSTRAINT payments_status_check,
            ADD CONSTRAINT payments_status_check CHECK (
                status IN (
                    'processing', 'requires_action', 'succeeded', 'failed', 'cancelled',
                    'abandoned', 'reversed', 'unwanted', 'review'
                )
            ) NOT VALID
        """
    )
