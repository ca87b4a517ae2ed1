"""The schema: how it comes to be, and that the code and the indexes fit it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from enum import Enum

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from adapters.persistence.sql import outbox_queue, statements
from adapters.persistence.sql.database import Database, Statement
from adapters.persistence.sql.engine import create_engine
from adapters.persistence.sql.health_check import check
from adapters.persistence.sql.migrate import migrate, newest_revision
from adapters.persistence.sql.tables import metadata
from application.ports.unit_of_work import StorageUnavailable
from domain.dispute import DisputeStatus
from domain.payment import LIVE, PaymentStatus
from domain.refund import RefundStatus
from domain.replica import OrderStatus
from payments_kit.servers.processes import free_port
from tests.builders import NOW, ORDER, PAYMENT

# By what the parts of a bill are found.
PARTS = ["payments_order_id", "refunds_payment_id", "disputes_payment_id"]


async def test_the_tables_are_what_the_migrations_make(sql: Database) -> None:
    async with sql.engine.connect() as connection:
        differences = await connection.run_sync(
            lambda sync: compare_metadata(MigrationContext.configure(sync), metadata)
        )
    assert differences == []


@pytest.mark.parametrize(
    ("table", "known"),
    [
        ("orders", OrderStatus),
        ("payments", PaymentStatus),
        ("refunds", RefundStatus),
        ("disputes", DisputeStatus),
    ],
)
async def test_the_schema_knows_every_status(sql: Database, table: str, known: type[Enum]) -> None:
    [(definition,)] = await sql.run(
        Statement.of(
            text(
                f"SELECT pg_get_constraintdef(oid) FROM pg_constraint "
                f"WHERE conname = '{table}_status_check'"
            )
        )
    )
    assert definition.count("'") == 2 * len(known)
    assert all(f"'{status.value}'" in definition for status in known)


async def test_the_schema_holds_the_same_payments_live_as_the_domain(sql: Database) -> None:
    [(definition,)] = await sql.run(
        Statement.of(text("SELECT pg_get_indexdef('payments_one_live_an_order'::regclass)"))
    )
    assert definition.count("'") == 2 * len(LIVE)
    assert all(f"'{status.value}'" in definition for status in LIVE)


@pytest.mark.parametrize(
    ("statement", "values", "indexes"),
    [
        (
            statements.BILLS,
            {"order_ids": [ORDER]},
            ["orders_pkey", *PARTS],
        ),
        (
            statements.BILL_HOLDING,
            {"payment_id": PAYMENT},
            ["payments_pkey", "orders_pkey", *PARTS],
        ),
        (
            statements.BILL_CHARGED,
            {"charge_id": "ch_1"},
            ["payments_charge_id", "orders_pkey", *PARTS],
        ),
        (
            statements.KEPT,
            {"before": NOW, "limit": 10},
            ["kept_notices_since", "payments_charge_id"],
        ),
        (statements.DUE, {"now": NOW, "limit": 10}, ["payments_look_at", "refunds_look_at"]),
        (
            outbox_queue.TAKE,
            {"relay": "relay", "lease": timedelta(seconds=1), "limit": 10},
            ["outbox_waiting"],
        ),
    ],
)
async def test_a_big_table_is_never_read_through(
    sql: Database, statement: Statement, values: dict[str, object], indexes: list[str]
) -> None:
    async with sql.engine.connect() as connection:
        await connection.exec_driver_sql("SET enable_seqscan = off")
        await connection.exec_driver_sql("SET enable_bitmapscan = off")
        found = await connection.exec_driver_sql(
            f"EXPLAIN {statement.text}", statement.parameters(values)
        )
        plan = "\n".join(line for (line,) in found)
    assert [index for index in indexes if f"using {index} " not in plan] == []
    assert "Seq Scan" not in plan


# --- migrations --------------------------------------------------------------------------------


async def test_migrating_brings_the_newest_schema_and_may_be_repeated(
    empty_database_url: str,
) -> None:
    engine = create_engine(empty_database_url)
    before = await check(engine)
    assert before.revision is None
    assert before.problems == (
        f"the database has no schema, and {newest_revision()} is needed: migrate it",
    )
    for _ in range(2):
        migrate(empty_database_url)
        after = await check(engine)
        assert after.revision == newest_revision()
        assert after.problems == ()
    await engine.dispose()


def test_two_may_migrate_at_once(empty_database_url: str) -> None:
    with ThreadPoolExecutor(max_workers=4) as threads:
        for migrated in [threads.submit(migrate, empty_database_url) for _ in range(4)]:
            migrated.result(timeout=60)


async def test_a_schema_newer_than_the_program_is_left_alone(
    sql: Database, database_url: str
) -> None:
    await sql.run(Statement.of(text("UPDATE alembic_version SET version_num = '9999'")))
    found = await check(sql.engine)
    assert found.revision == "9999"
    assert found.problems == ("the database has schema 9999, newer than this program",)
    with pytest.raises(StorageUnavailable, match="9999"):
        migrate(database_url)


async def test_a_database_that_cannot_be_reached_cannot_be_migrated_or_checked() -> None:
    url = f"postgresql://payments:secret@127.0.0.1:{free_port()}/payments"
    engine = create_engine(url)
    with pytest.raises(StorageUnavailable) as unmigrated:
        migrate(url)
    with pytest.raises(StorageUnavailable) as unchecked:
        await check(engine)
    await engine.dispose()
    assert "secret" not in f"{unmigrated.value} {unchecked.value}"
