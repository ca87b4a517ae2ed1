"""Copies of rows: what one real request has written, many times with other ids.

The columns are read from the database, so that this stays right when the schema changes.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from tests.bench.database import Database

# Rows of one statement; each takes some seconds.
_BATCH: Final = 200_000

_COLUMNS: Final = """
    SELECT column_name, data_type, is_identity = 'YES' OR column_default LIKE 'nextval%'
    FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name = '{table}' AND is_generated = 'NEVER'
    ORDER BY ordinal_position
"""


def copy_rows(
    database: Database,
    table: str,
    where: str,
    count: int,
    ids: Sequence[str],
    values: Mapping[str, str] | None = None,
    suffix: str = "",
) -> None:
    """Copy the rows of a table that match so often, each copy with other ids and an earlier time.

    Args:
        database: where the table is.
        table: its name.
        where: the condition for the rows to copy.
        count: how often.
        ids: texts that become others in every column: `<id>-<suffix><number>`.
        values: SQL for columns that are not copied.
        suffix: see `ids`.
    """
    columns = database.fetch(_COLUMNS.format(table=table))
    chosen = {
        name: (values or {}).get(name) or _copied(name, kind, ids, suffix)
        for name, kind, is_numbered in columns
        if not is_numbered
    }
    for first in range(0, count, _BATCH):
        last = min(count, first + _BATCH) - 1
        database.execute(
            f"INSERT INTO {table} ({', '.join(chosen)}) SELECT {', '.join(chosen.values())}"
            f" FROM {table}, generate_series({first}, {last}) AS n WHERE {where}"
        )


def _copied(name: str, kind: str, ids: Sequence[str], suffix: str) -> str:
    """Return SQL for the copy of a column."""
    match kind:
        case "text":
            return _with_other_ids(name, ids, suffix)
        case "json" | "jsonb":
            return f"{_with_other_ids(f'{name}::text', ids, suffix)}::{kind}"
        case "bytea":
            text = _with_other_ids(f"convert_from({name}, 'UTF8')", ids, suffix)
            return f"convert_to({text}, 'UTF8')"
        case "timestamp with time zone":
            return f"{name} - n * interval '10 ms'"
        case _:
            return name


def _with_other_ids(value: str, ids: Sequence[str], suffix: str) -> str:
    for each in ids:
        value = f"replace({value}, '{each}', '{each}-{suffix}' || n)"
    return value
