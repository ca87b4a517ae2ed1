"""Fill the tables with generated rows; the only place of the benchmark that knows their columns."""

from collections.abc import Mapping
from typing import Final

from rich.console import Console
from rich.progress import track

from tests.bench.copies import copy_rows
from tests.bench.customers import REQUESTS_PER_TOKEN
from tests.bench.database import Database

_ORDERS: Final = """
    INSERT INTO orders (
        id, revision, version, status, terms_version, user_id, price, currency, expires_at
    )
    SELECT '{prefix}-' || n, 1, 0, 'created', 0, 'payer-' || n / {per_token}, 1999, 'usd',
        '2999-01-01'
    FROM generate_series(0, {count} - 1) AS n
"""

# One row of each table that a successful charge does not write.
_OTHERS: Final = (
    """
    INSERT INTO refunds (
        id, payment_id, order_id, charge_id, amount, currency, reason, created_at, status,
        automatic, attempt
    )
    SELECT 'refund-' || id, id, order_id, charge_id, amount, currency, 'requested_by_customer',
        created_at, 'succeeded', false, 0
    FROM payments WHERE id = '{payment_id}'
    """,
    """
    INSERT INTO disputes (id, payment_id, order_id, charge_id, amount, currency, reason, status)
    SELECT 'dispute-' || id, id, order_id, charge_id, amount, currency, 'fraudulent', 'lost'
    FROM payments WHERE id = '{payment_id}'
    """,
    "INSERT INTO declines (source) VALUES ('user:{order_id}')",
    "INSERT INTO inbox (id) VALUES ('evt-{order_id}')",
)

# All tables that grow, and which of their rows belong to one charge.
_GROWING: Final = (
    ("orders", "id = '{order_id}'"),
    ("payments", "order_id = '{order_id}'"),
    ("refunds", "order_id = '{order_id}'"),
    ("disputes", "order_id = '{order_id}'"),
    ("outbox", "order_id = '{order_id}'"),
    ("idempotency_keys", "key LIKE '%{order_id}'"),
    ("declines", "source = 'user:{order_id}'"),
    ("inbox", "id = 'evt-{order_id}'"),
)


def add_orders(database: Database, prefix: str, count: int) -> None:
    """Add orders that can be paid: `<prefix>-0` and so on, each of `payer_of` its number."""
    database.execute(_ORDERS.format(prefix=prefix, count=count, per_token=REQUESTS_PER_TOKEN))


def fill(database: Database, example: Mapping[str, str], count: int, console: Console) -> None:
    """Copy all rows of one charge, and of each table that it does not write, so often.

    Args:
        database: the database to fill.
        example: the ids of a charge with an Idempotency-Key, see `charge_once`.
        count: how many rows each table that grows then has more.
        console: where the progress is shown.
    """
    database.execute(*(each.format(**example) for each in _OTHERS))
    ids, values = list(example.values()), {"sent_at": "now() - n * interval '10 ms'"}
    for table, where in track(_GROWING, "filling tables…", console=console, transient=True):
        copy_rows(database, table, where.format(**example), count, ids, values)
    # So that the disk is not busy with it during what is measured.
    database.execute("VACUUM ANALYZE", "CHECKPOINT")
