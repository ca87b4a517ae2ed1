"""Drop the checks of payments that the code makes anyway; see 0014.

Revision ID: 0015
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

CHECKS = (
    *("payments_amount_check", "payments_check", "payments_currency_check", "payments_id_check"),
    *("payments_taken_check", "payments_taken_currency_check", "payments_user_id_check"),
)


def upgrade() -> None:
    dropped = ", ".join(f"DROP CONSTRAINT {name}" for name in CHECKS)
    op.execute(f"ALTER TABLE payments {dropped}")
