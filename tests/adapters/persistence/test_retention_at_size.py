"""Deleting old rows of large tables, by several workers."""

import json
from collections.abc import Mapping

import pytest
from sqlalchemy import text

from adapters.persistence.sql import idempotency_store, outbox_queue, retention
from adapters.persistence.sql.database import Database
from adapters.persistence.sql.idempotency_store import SqlIdempotencyStore
from adapters.persistence.sql.retention import BATCH, SqlRetention
from adapters.persistence.sql.statement import Statement
from tests.adapters.persistence.explained import plan_of
from tests.bench.plans import read_in_full

# Twenty batches; a batch of a smaller table is so much of it that PostgreSQL may read it all.
ROWS = 20 * BATCH

# Up to 138 days ago: older than everything is kept.
_MOMENT = "now() - n * interval '10 minutes'"
_FILLED: Mapping[str, str] = {
    "outbox (id, order_id, subject, data, recorded_at, sent_at)": (
        f"'e' || n, 'order', 'subject', '{{}}', {_MOMENT}, {_MOMENT}"
    ),
    "inbox (id, heard_at)": f"'n' || n, {_MOMENT}",
    "declines (source, at)": f"'user:' || n, {_MOMENT}",
    "alerts (kind, subject, text, first_at, last_at, count)": (
        f"'kind', 's' || n, 'text', {_MOMENT}, {_MOMENT}, 1"
    ),
    "idempotency_keys (user_id, key, fingerprint, holder, begun_at, lease_ends)": (
        f"'user', 'k' || n, 'fingerprint', 'holder', {_MOMENT}, {_MOMENT}"
    ),
}

AGE = "interval '2 days'"
STATEMENTS = {
    "idempotency keys": (idempotency_store._DELETE_OLD, (AGE,)),
    "sent events": (retention._DELETE_SENT, ("0", AGE)),
    "notifications": (retention._DELETE_RECEIVED, (AGE,)),
    "declines": (retention._DELETE_DECLINES, (AGE,)),
    "alerts": (retention._DELETE_ALERTS, (AGE,)),
    "publishing again": (outbox_queue._REPUBLISH, ("0", "now()")),
}


@pytest.fixture
async def filled(sql: Database) -> Database:
    """Return a database with ROWS rows in each table from which old rows are deleted."""
    for columns, values in _FILLED.items():
        # The oldest first, as the service writes them.
        source = f"SELECT {values} FROM generate_series({ROWS}, 1, -1) AS n"
        await sql.run(Statement.of(text(f"INSERT INTO {columns} {source}")))
    return sql


async def test_old_rows_are_found_by_an_index_with_and_without_statistics(
    filled: Database,
) -> None:
    for prepare in ("SELECT 1", "ANALYZE"):
        await filled.run(Statement.of(text(prepare)))
        for mode in ("force_custom_plan", "force_generic_plan"):
            for name, (statement, arguments) in STATEMENTS.items():
                plan = await plan_of(filled, statement, arguments, mode)
                read = list(read_in_full(plan, partial=()))
                assert read == [], (name, mode, prepare, json.dumps(plan, indent=1))


async def test_a_worker_neither_waits_for_what_another_deletes_now_nor_deletes_it(
    filled: Database,
) -> None:
    this, keys = SqlRetention(filled), SqlIdempotencyStore(filled)
    other = await filled.pool.acquire()
    async with other.driver.transaction():
        for name, (statement, _) in STATEMENTS.items():
            if name != "publishing again":
                values = statement.parameters({"age": this.received, "after": 0})
                await other.driver.execute(statement.text, *values)
        # It would wait until a statement takes too long.
        assert await this.delete_old_rows() == 4 * BATCH
        assert await keys.delete_older_than(this.received) == BATCH
    filled.pool.release(other)
    for columns in _FILLED:
        count = f"SELECT count(*) FROM {columns.partition(' ')[0]}"
        assert await filled.run(Statement.of(text(count))) == [(ROWS - 2 * BATCH,)]
