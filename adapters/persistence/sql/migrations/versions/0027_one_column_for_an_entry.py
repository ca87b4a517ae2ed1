"""Store an entry of a history as it was hashed, in one column instead of four.

That takes less time to write, and SQL alone can check it: `hash` is
`sha256(convert_to(content, 'UTF8'))`. Entries that exist keep their columns, so no row is written.
The number of the transaction is read without a text in between.

Revision ID: 0027
"""

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE order_history
            ADD COLUMN content text,
            ALTER COLUMN at DROP NOT NULL,
            ALTER COLUMN who DROP NOT NULL,
            ALTER COLUMN why DROP NOT NULL,
            ALTER COLUMN change DROP NOT NULL,
            ALTER COLUMN transaction SET DEFAULT txid_current()
        """
    )
