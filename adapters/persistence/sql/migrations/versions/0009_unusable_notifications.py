"""Add the notifications that were verified and cannot be used, and the dispute status 'prevented'.

Processes of earlier releases cannot read an order with a prevented dispute, as described in 0002
for 'reversed'. Stripe prevents few disputes.

Revision ID: 0009
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE unusable_notifications (
        number bigserial PRIMARY KEY,
        gateway text NOT NULL,
        notification_id text NOT NULL,
        received_at timestamptz NOT NULL DEFAULT now(),
        reason text NOT NULL,
        body bytea NOT NULL,
        attempts integer NOT NULL DEFAULT 0
    )
    """,
    """
    CREATE UNIQUE INDEX unusable_notifications_id
        ON unusable_notifications (gateway, notification_id)
    """,
    # A shop has few disputes, so that checking the rows takes no time.
    """
    ALTER TABLE disputes
        DROP CONSTRAINT disputes_status_check,
        ADD CONSTRAINT disputes_status_check CHECK (
            status IN ('open', 'won', 'lost', 'prevented')
        )
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
