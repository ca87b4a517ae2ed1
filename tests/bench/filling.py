"""Fill the tables with generated rows; the only place of the benchmark that knows their columns."""

from typing import Final

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


def add_orders(database: Database, prefix: str, count: int) -> None:
    """Add orders that can be paid: `<prefix>-0` and so on, each of `payer_of` its number."""
    database.execute(_ORDERS.format(prefix=prefix, count=count, per_token=REQUESTS_PER_TOKEN))
