"""Fill the tables with generated rows; the only place of the benchmark that knows their columns."""

from collections.abc import Mapping
from functools import partial
from typing import Final

from rich.console import Console
from rich.progress import Progress

from tests.bench.bulk import without_indexes
from tests.bench.copies import copy_rows
from tests.bench.customers import REQUESTS_PER_TOKEN
from tests.bench.database import Database

_ORDERS: Final = """
    INSERT INTO orders (
        id, revision, version, status, terms_version, user_id, price, currency, expires_at,
        history_seq, history_hash, history_revision
    )
    SELECT '{prefix}-' || n, 1, 0, 'created', 0, 'payer-' || n / {per_token}, 1999, 'usd',
        '2999-01-01', 1, sha256('the first entry'), 1
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

# All tables that grow, which of their rows belong to one charge, and for how many orders there is
# one row in a shop whose old rows are deleted as the service does it.
GROWING: Final = (
    ("orders", "id = '{order_id}'", 1),
    ("order_history", "order_id = '{order_id}'", 1),
    ("payments", "order_id = '{order_id}'", 1),
    ("refunds", "order_id = '{order_id}'", 20),
    ("disputes", "order_id = '{order_id}'", 200),
    ("outbox", "order_id = '{order_id}'", 1),
    ("idempotency_keys", "key LIKE '%{order_id}'", 20),
    ("declines", "source = 'user:{order_id}'", 20),
    ("inbox", "id = 'evt-{order_id}'", 5),
)

# Columns with bytes that are no text, and contain no id.
_HASHES: Final = ("history_hash", "hash")

# Of a table with fewer rows, PostgreSQL may read all.
_MIN_ROWS: Final = 20_000


def add_orders(database: Database, prefix: str, count: int) -> None:
    """Add orders that can be paid: `<prefix>-0` and so on, each of `payer_of` its number."""
    database.execute(_ORDERS.format(prefix=prefix, count=count, per_token=REQUESTS_PER_TOKEN))


def fill(database: Database, example: Mapping[str, str], count: int, console: Console) -> None:
    """Copy all rows of one charge, and of each table that it does not write, very often.

    Args:
        database: the database to fill.
        example: the ids of a charge with an Idempotency-Key, see `charge_once`.
        count: how many orders, payments and sent events it then has more, and fewer of the others.
        console: where the progress is shown.
    """
    database.execute(*(each.format(**example) for each in _OTHERS))
    values = {"sent_at": "now() - n * interval '10 ms'", **{each: each for each in _HASHES}}
    ids = list(example.values())
    rows = {table: max(count // share, min(count, _MIN_ROWS)) for table, _, share in GROWING}
    with Progress(console=console, transient=True) as progress:
        step = progress.add_task("filling", total=sum(rows.values()))
        with without_indexes(
            database, rows, lambda name: progress.update(step, description=f"indexing: {name}")
        ):
            for table, where, _ in GROWING:
                progress.update(step, description=f"filling: {table}")
                advance = partial(progress.advance, step)
                rows_of_example = where.format(**example)
                copy_rows(
                    database, table, rows_of_example, rows[table], ids, values, advance=advance
                )
        progress.update(step, description="reading everything once")
        # So that the disk is not busy with it during what is measured.
        database.execute("VACUUM ANALYZE", "CHECKPOINT")
