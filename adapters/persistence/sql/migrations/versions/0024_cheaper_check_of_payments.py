"""Check the statuses of payments in a function, and that money has a charge; see 0023.

Revision ID: 0024
"""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE FUNCTION is_payment_status(status text, charge_id text) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
    BEGIN
        RETURN status IN (
            'processing', 'requires_action', 'pending', 'authorized', 'succeeded', 'failed',
            'cancelled', 'abandoned', 'reversed', 'unwanted', 'review'
        ) AND (
            charge_id IS NOT NULL
            OR status NOT IN ('succeeded', 'reversed', 'unwanted', 'review')
        );
    END
    $$
    """,
    """
    ALTER TABLE payments
        DROP CONSTRAINT payments_status_check,
        DROP CONSTRAINT payments_captured_check,
        ADD CONSTRAINT payments_status_check
            CHECK (is_payment_status(status, charge_id)) NOT VALID
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
