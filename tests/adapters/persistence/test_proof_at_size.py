"""The proof of one history does not read the tree of all histories."""

import json

import pytest
from sqlalchemy import text

from adapters.persistence.sql import history_roots
from adapters.persistence.sql.database import Database
from adapters.persistence.sql.statement import Statement
from tests.adapters.persistence.explained import plan_of
from tests.bench.plans import read_in_full

LEAVES = 400_000
_HASH = "sha256(n::text::bytea)"
_FILLED = (
    f"history_leaves SELECT n, 'o' || n, 1, {_HASH} FROM generate_series(0, {LEAVES - 1}) AS n",
    *(
        f"history_nodes SELECT {level}, n, {_HASH} "
        f"FROM generate_series(0, {(LEAVES - 1) // 16**level}) AS n"
        for level in range(1, 6)
    ),
    f"history_roots VALUES (1, now(), 'root', {LEAVES}, 1, true)",
)


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
async def test_a_proof_looks_up_what_is_on_its_way_only(sql: Database, mode: str) -> None:
    for rows in _FILLED:
        await sql.run(Statement.of(text(f"INSERT INTO {rows}")))
    await sql.run(Statement.of(text("ANALYZE history_leaves, history_nodes, history_roots")))
    plan = await plan_of(sql, history_roots._PROVE, ("'o77'",), mode)
    read = set(read_in_full(plan, partial=())) - {"history_roots"}  # it has one row here
    assert read == set(), json.dumps(plan, indent=1)
