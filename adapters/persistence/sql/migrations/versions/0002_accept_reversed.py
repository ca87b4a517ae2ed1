"""Accept the payment status 'reversed' in addition to 'unwanted', its name in release 1.0.0rc1.

Later releases write 'reversed'; processes of release 1.0.0rc1 may still write 'unwanted'. Both are
accepted until a later migration, when no such process runs any more. `payments migrate` renames
the stored values after the migrations (rename_old_values.py).

A process of release 1.0.0rc1 cannot read an order with a payment whose status is 'reversed'. This
affects only orders whose payment was captured although they may not keep it, and only until the
last such process is stopped. Its recovery skips such an order, which a later process handles; its
HTTP requests about such an order fail with 500; an event about such an order is retried for 85
seconds, in which a later process usually receives it, and then becomes a dead letter, which can be
replayed. No money moves and nothing is lost.

Events that were recorded before keep their old names.

Revision ID: 0002
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

STATEMENTS = (
    # NOT VALID: the rows are checked by the next migration, without the exclusive lock of this one.
    # The old names of the constraints are those that PostgreSQL gave them in 0001.
    """
    ALTER TABLE payments
        DROP CONSTRAINT payments_status_check,
        ADD CONSTRAINT payments_status_check CHECK (
            status IN (
                'processing', 'requires_action', 'succeeded', 'failed', 'abandoned', 'reversed',
                'unwanted', 'review'
            )
        ) NOT VALID,
        DROP CONSTRAINT payments_check1,
        ADD CONSTRAINT payments_captured_check CHECK (
            charge_id IS NOT NULL OR status NOT IN ('succeeded', 'reversed', 'unwanted', 'review')
        ) NOT VALID
    """,
    # With a message in plain English; see 0001.
    """
    CREATE OR REPLACE FUNCTION expect_written(written bigint, expected bigint) RETURNS boolean
    LANGUAGE plpgsql AS $$
    BEGIN
        IF written <> expected THEN
            RAISE EXCEPTION 'a row was changed by another transaction since it was read'
                USING ERRCODE = 'serialization_failure';
        END IF;
        RETURN true;
    END
    $$
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
