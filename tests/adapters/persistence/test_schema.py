"""The schema: code and indexes match it."""

import re
from collections.abc import Collection
from datetime import timedelta
from enum import Enum

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from adapters.persistence.sql import (
    backlog,
    charge_reading,
    outbox_queue,
    single_order,
    statements,
)
from adapters.persistence.sql.database import Database
from adapters.persistence.sql.statement import Statement
from adapters.persistence.sql.tables import metadata
from adapters.persistence.sql.unit_of_work import SqlUnitOfWork
from adapters.persistence.sql.version_table import VERSION_TABLE
from application.ports.charge_reading import ChargeQuery
from application.ports.idempotency_store import RequestKey
from domain.dispute import DisputeStatus
from domain.payment_status import LIVE, PaymentStatus
from domain.refund import RefundStatus
from domain.replica import OrderStatus
from tests.builders import NOW, ORDER, PAYER, PAYMENT, a_payment, an_order

_CONSTRAINT = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname"

# The indexes by which the parts of an order are found.
PARTS = ["payments_order_id", "refunds_payment_id", "disputes_payment_id"]


async def test_the_tables_equal_the_result_of_the_migrations(sql: Database) -> None:
    async with sql.engine.connect() as connection:
        differences = await connection.run_sync(
            lambda sync: compare_metadata(
                MigrationContext.configure(sync, opts={"version_table": VERSION_TABLE}), metadata
            )
        )
    assert differences == []


@pytest.mark.parametrize(
    ("definition", "statuses", "old_names"),
    [
        ("SELECT prosrc FROM pg_proc WHERE proname = 'is_order_status'", OrderStatus, {}),
        (
            "SELECT prosrc FROM pg_proc WHERE proname = 'is_payment_status'",
            PaymentStatus,
            {"unwanted"},
        ),
        (f"{_CONSTRAINT} = 'refunds_status_check'", RefundStatus, {}),
        (f"{_CONSTRAINT} = 'disputes_status_check'", DisputeStatus, {}),
    ],
)
async def test_the_schema_accepts_every_status_and_no_other(
    sql: Database, definition: str, statuses: type[Enum], old_names: Collection[str]
) -> None:
    assert await quoted_in(sql, definition) == {each.value for each in statuses} | {*old_names}


async def test_a_charge_checks_only_statuses_and_by_calls(sql: Database) -> None:
    # PostgreSQL parses each check again at every statement that writes a row, so it must be short.
    query = (
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'c'"
        " AND conrelid IN ('orders'::regclass, 'payments'::regclass, 'outbox'::regclass)"
    )
    checks = {(name, check) for name, check in await sql.run(Statement.of(text(query)))}
    assert checks == {
        ("orders_status_check", "CHECK (is_order_status(status))"),
        ("payments_status_check", "CHECK (is_payment_status(status, charge_id))"),
    }


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO orders (id, revision, version, status) VALUES ('o', 1, 1, 'paid')",
        "UPDATE payments SET status = 'paid'",
        "UPDATE payments SET status = 'succeeded', charge_id = NULL",
    ],
)
async def test_a_status_that_is_written_by_hand_is_checked(sql: Database, statement: str) -> None:
    work = SqlUnitOfWork(sql)
    work.orders.save(an_order(a_payment(status=PaymentStatus.SUCCEEDED)))
    await work.commit()
    with pytest.raises(asyncpg.CheckViolationError, match="status_check"):
        await sql.run(Statement.of(text(statement)))


async def test_the_index_of_live_payments_has_the_statuses_of_the_domain(sql: Database) -> None:
    query = "SELECT pg_get_indexdef('payments_one_live_an_order'::regclass)"
    assert await quoted_in(sql, query) == {status.value for status in LIVE}


async def test_a_new_row_omits_only_what_the_database_sets_by_itself(sql: Database) -> None:
    for table, defaults in single_order.DEFAULTS.items():
        for column, value in defaults.items():
            query = (
                "SELECT column_default, is_nullable FROM information_schema.columns"
                f" WHERE table_name = '{table.name}' AND column_name = '{column}'"
            )
            [(default, nullable)] = await sql.run(Statement.of(text(query)))
            assert (default.removesuffix("::text").strip("'"), nullable) == (str(value), "NO")


async def quoted_in(sql: Database, query: str) -> set[str]:
    """Return the quoted names in a definition."""
    [(definition,)] = await sql.run(Statement.of(text(query)))
    return set(re.findall("'(.+?)'", definition))


IDS = {"order_id": ORDER, "order_ids": [ORDER], "payment_id": PAYMENT, "charge_id": "ch_1"}
HOUR = {"authentication_window": timedelta(hours=1), "lease": timedelta(hours=1)}
PARAMETERS = {
    **IDS,
    **HOUR,
    "now": NOW,
    "before": NOW,
    "relay": "relay",
    "is_woken": True,
    "limit": 10,
    "most": 100,
    "source_0": "user:1",
    "window": timedelta(minutes=10),
    "user_id": PAYER,
    "key": "a-key",
}

CHARGE = ChargeQuery(ORDER, ["user:1"], key=RequestKey(PAYER, "a-key"))
READ_CHARGE = charge_reading.statement_of(CHARGE)


@pytest.mark.parametrize(
    ("statement", "indexes"),
    [
        (statements.ORDER, ["orders_pkey", *PARTS]),
        (statements.ORDERS, ["orders_pkey", *PARTS]),
        (
            charge_reading.first_statement_of(CHARGE),
            ["orders_pkey", "payments_order_id", "declines_source_at", "idempotency_keys_pkey"],
        ),
        (READ_CHARGE, ["orders_pkey", *PARTS, "declines_source_at", "idempotency_keys_pkey"]),
        (statements.ORDER_OF_PAYMENT, ["payments_pkey", "orders_pkey", *PARTS]),
        (statements.ORDER_OF_CHARGE, ["payments_charge_id", "orders_pkey", *PARTS]),
        (statements.DEFERRED, ["deferred_notifications_deferred_at", "payments_charge_id"]),
        (
            backlog.READ,
            [
                *("payments_look_at", "payments_pending", "payments_review", "refunds_payment_id"),
                *("refunds_look_at", "refunds_failed", "outbox_waiting", "outbox_parked"),
                "deferred_notifications_deferred_at",
            ],
        ),
        (
            backlog.FIND_OLDEST,
            [
                *("payments_look_at", "payments_pending", "payments_review", "refunds_payment_id"),
                *("refunds_look_at", "refunds_failed", "outbox_waiting", "outbox_parked"),
                "deferred_notifications_deferred_at",
            ],
        ),
        (statements.DUE, ["payments_look_at", "refunds_look_at"]),
        (outbox_queue.TAKE, ["outbox_waiting"]),
    ],
)
async def test_no_statement_reads_a_whole_table(
    sql: Database, statement: Statement, indexes: list[str]
) -> None:
    async with sql.engine.connect() as connection:
        await connection.exec_driver_sql("SET enable_seqscan = off")
        await connection.exec_driver_sql("SET enable_bitmapscan = off")
        found = await connection.exec_driver_sql(
            f"EXPLAIN {statement.text}", statement.parameters(PARAMETERS)
        )
        plan = "\n".join(line for (line,) in found)
    assert [index for index in indexes if f"using {index} " not in plan] == []
    assert "Seq Scan" not in plan
