"""Which statements of the service read a whole table, by PostgreSQL's own plans."""

import asyncio
import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

import asyncpg

from tests.bench.database import Database

# Of a table with fewer rows, PostgreSQL reads all, and is right.
MIN_ROWS: Final = 1_000

_EXPLAINED: Final = re.compile(r"\s*(SELECT|WITH|INSERT|UPDATE|DELETE)\b", re.IGNORECASE)

# In a function, because a statement with parameters that is sent by a client needs their values,
# and the plan would be made for them. Needs PostgreSQL 16.
_EXPLAIN: Final = """
    CREATE FUNCTION pg_temp.explain(statement text) RETURNS json LANGUAGE plpgsql AS $$
    DECLARE plan json;
    BEGIN
        EXECUTE 'EXPLAIN (GENERIC_PLAN, FORMAT JSON) ' || statement INTO plan;
        RETURN plan;
    END $$
"""

_FILLED: Final = f"""
    SELECT pg_class.relname FROM pg_stat_user_tables JOIN pg_class ON pg_class.oid = relid
    WHERE reltuples > {MIN_ROWS}
"""

_PARTIAL: Final = """
    SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE indpred IS NOT NULL
"""


def find_full_scans(
    database: Database, statements: Collection[str]
) -> Mapping[str, Collection[str]]:
    """Return the statements that read all rows of a filled and analysed table, with the tables."""
    return asyncio.run(_find(database.url, statements))


async def _find(url: str, statements: Collection[str]) -> Mapping[str, Collection[str]]:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(_EXPLAIN)
        filled = {name for (name,) in await connection.fetch(_FILLED)}
        partial = {name for (name,) in await connection.fetch(_PARTIAL)}
        found = {}
        for statement in sorted(statements):
            if _EXPLAINED.match(statement):
                text = await connection.fetchval("SELECT pg_temp.explain($1)", statement)
                read = set(read_in_full(json.loads(text)[0]["Plan"], partial))
                if tables := read & filled:
                    found[statement] = tables
        return found
    finally:
        await connection.close()


def read_in_full(plan: Mapping[str, Any], partial: Collection[str]) -> Iterator[str]:
    """Yield the tables of which a plan reads all rows, or all entries of an index.

    The first entries of an index, such as the largest one, are not all of them.
    """
    match plan["Node Type"]:
        case "Seq Scan":
            yield plan["Relation Name"]
        case "Index Scan" | "Index Only Scan" if "Index Cond" not in plan:
            if plan["Index Name"] not in partial:
                yield plan["Relation Name"]
        case _:
            pass
    for inner in plan.get("Plans", ()):
        is_cut_off = plan["Node Type"] == "Limit" and "Filter" not in inner
        if not (is_cut_off and inner["Node Type"].startswith("Index")):
            yield from read_in_full(inner, partial)
