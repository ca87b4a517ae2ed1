"""Bulk: tables without their indexes and constraints while very many rows are added."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Final

from tests.bench.database import Database

# Of foreign keys, primary keys and unique constraints, in the order in which they can be dropped;
# they are created again in the reverse order.
_CONSTRAINTS: Final = """
    SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid)
    FROM pg_constraint
    WHERE conrelid::regclass::text = ANY ('{{{tables}}}') AND contype IN ('f', 'p', 'u')
    ORDER BY contype
"""

_INDEXES: Final = """
    SELECT quote_ident(indexname), indexdef FROM pg_indexes
    WHERE schemaname = 'public' AND tablename = ANY ('{{{tables}}}')
    AND quote_ident(indexname) NOT IN (SELECT quote_ident(conname) FROM pg_constraint)
    ORDER BY indexname
"""

# Sorting a whole index in memory; two cores build one.
_SETTINGS: Final = {"maintenance_work_mem": "1GB", "synchronous_commit": "off"}


@contextmanager
def without_indexes(
    database: Database, tables: Collection[str], report: Callable[[str], None]
) -> Iterator[None]:
    """Drop the indexes and keys of these tables; at the end of the block, create them again.

    An index that exists costs each row as much as the row itself, and far more if its keys are
    random. `report` is told what is created.
    """
    names = ",".join(tables)
    constraints = database.fetch(_CONSTRAINTS.format(tables=names))
    indexes = database.fetch(_INDEXES.format(tables=names))
    for table, name, _ in constraints:
        database.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    for name, _ in indexes:
        database.execute(f"DROP INDEX {name}")
    yield
    fast = Database(database.url, _SETTINGS)
    for name, definition in indexes:
        report(name)
        fast.execute(definition)
    for table, name, definition in reversed(constraints):
        report(name)
        fast.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
