"""Copies of rows: what one real request has written, many times with other ids.

The columns are read from the database, so that this stays right when the schema changes.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from tests.bench.database import Database

# Rows of one statement; each takes some seconds.
_BATCH: Final = 200_000

# An id of the service: its time in milliseconds, random digits, and perhaps the identity of the
# database (adapters/identifiers.py). A copy is as much older as its times are.
_ID: Final = re.compile(r"(?P<time>[0-9a-f]{11})[0-9a-f]{17}(?P<end>[0-9a-f]+)")
_MILLISECONDS: Final = 10

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
    advance: Callable[[int], None] = lambda _: None,
) -> None:
    """Copy the rows of a table that match so often, each copy with other ids and an earlier time.

    Args:
        database: where the table is.
        table: its name.
        where: the condition for the rows to copy.
        count: how often.
        ids: texts that become others in every column: `<id>-<suffix><number>`, or such an id as the
            service makes.
        values: SQL for columns that are not copied.
        suffix: see `ids`.
        advance: is called with the number of rows after each statement.
    """
    columns = database.fetch(_COLUMNS.format(table=table))
    chosen = {
        name: (values or {}).get(name) or _copied(name, kind, ids, suffix)
        for name, kind, is_numbered in columns
        if not is_numbered
    }
    example = f"example_{table}"
    database.execute(
        f"DROP TABLE IF EXISTS {example}",
        # The table itself may have no index while it is filled.
        f"CREATE TABLE {example} AS SELECT * FROM {table} WHERE {where}",
    )
    for first in range(0, count, _BATCH):
        last = min(count, first + _BATCH) - 1
        database.execute(
            f"INSERT INTO {table} ({', '.join(chosen)}) SELECT {', '.join(chosen.values())}"
            f" FROM {example}, generate_series({first}, {last}) AS n"
        )
        advance(last + 1 - first)
    database.execute(f"DROP TABLE {example}")


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
            return f"{name} - n * interval '{_MILLISECONDS} ms'"
        case _:
            return name


def _with_other_ids(value: str, ids: Sequence[str], suffix: str) -> str:
    for each in ids:
        other = f"'{each}-{suffix}' || n"
        if found := _ID.fullmatch(each):
            earlier = f"to_hex({int(found['time'], 16)} - n::bigint * {_MILLISECONDS})"
            other = f"lpad({earlier}, 11, '0') || left(md5({other}), 17) || '{found['end']}'"
        value = f"replace({value}, '{each}', {other})"
    return value
