"""Migrations, also while processes of release 1.0.0rc1 are running."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text

from adapters.persistence.sql import migrate as migrate_module
from adapters.persistence.sql.database import Database
from adapters.persistence.sql.engine import create_engine
from adapters.persistence.sql.health_check import check
from adapters.persistence.sql.migrate import migrate, newest_revision
from adapters.persistence.sql.readiness import check_usable
from adapters.persistence.sql.rename_old_values import BATCH
from adapters.persistence.sql.schema_version import SCHEMA_VERSION
from adapters.persistence.sql.statement import Statement
from application.ports.unit_of_work import StorageUnavailable
from domain.payment_status import PaymentStatus
from payments_kit.servers.postgres import LocalPostgres
from payments_kit.servers.processes import free_port
from tests.adapters.persistence.release_1_0_0rc1 import OldProcess, create_schema
from tests.contracts.storages import storage_on

SECONDS = 60.0

# More rows than two batches, as release 1.0.0rc1 has stored them.
MANY = 2 * BATCH + 1
STORE_MANY = f"""
    WITH stored AS (
        INSERT INTO orders (id, revision, version, status)
        SELECT 'many-' || number, 1, 1, 'cancelled' FROM generate_series(1, {MANY}) AS number
    ), paid AS (
        INSERT INTO payments (id, order_id, user_id, amount, currency, gateway, livemode,
            created_at, status, charge_id, taken, taken_currency)
        SELECT 'many-' || number, 'many-' || number, 'user', 1000, 'usd', 'stripe', false, now(),
            'unwanted', 'ch', 1000, 'usd'
        FROM generate_series(1, {MANY}) AS number
    )
    INSERT INTO refunds (id, payment_id, order_id, charge_id, amount, currency, reason, created_at,
        status, automatic, attempt)
    SELECT 'many-' || number, 'many-' || number, 'many-' || number, 'ch', 1000, 'usd',
        'by_another_hand', now(), 'succeeded', false, 0
    FROM generate_series(1, {MANY}) AS number
"""

COUNT_NAMES = """
    SELECT name, count(*) FROM (
        SELECT 'payments.status: ' || status AS name FROM payments
        UNION ALL SELECT 'payments.code: ' || code FROM payments
        UNION ALL SELECT 'refunds.reason: ' || reason FROM refunds
        UNION ALL SELECT 'refunds.code: ' || code FROM refunds
    ) AS names WHERE name IS NOT NULL GROUP BY name
"""


@pytest.fixture
async def old_url(empty_database_url: str) -> str:
    """Return the URL of a database with the schema of release 1.0.0rc1."""
    await create_schema(empty_database_url)
    return empty_database_url


@pytest.fixture
async def connection(old_url: str) -> "AsyncIterator[asyncpg.Connection[Any]]":
    """Yield a connection that stays open during the migration, with its prepared statements."""
    connection = await asyncpg.connect(old_url)
    yield connection
    await connection.close()


async def test_migrating_gives_the_newest_schema_and_is_repeatable(empty_database_url: str) -> None:
    engine = create_engine(empty_database_url)
    before = await check(engine)
    assert before.revision is None
    assert before.problems == (
        f"the database has no schema and needs {newest_revision()}: run `payments migrate`",
    )
    with pytest.raises(StorageUnavailable, match="older than this program"):
        await check_usable(Database(engine))
    for _ in range(2):
        migrate(empty_database_url)
        after = await check(engine)
        assert (after.revision, after.problems) == (newest_revision(), ())
        await check_usable(Database(engine))
    assert newest_revision() == SCHEMA_VERSION
    await engine.dispose()


def test_concurrent_migrations_are_harmless(empty_database_url: str) -> None:
    with ThreadPoolExecutor(max_workers=4) as threads:
        for migrated in [threads.submit(migrate, empty_database_url) for _ in range(4)]:
            migrated.result(timeout=SECONDS)


async def test_a_schema_newer_than_the_program_is_kept(sql: Database, database_url: str) -> None:
    await sql.run(Statement.of(text("UPDATE payments_schema_version SET version_num = '9999'")))
    found = await check(sql.engine)
    await check_usable(sql)  # so that older processes stay ready during a rollout
    assert found.revision == "9999"
    assert found.problems == ("the database has schema 9999, newer than this program supports",)
    with pytest.raises(StorageUnavailable, match="9999"):
        migrate(database_url)


async def test_older_processes_read_the_revision_under_its_old_name(
    old_url: str, connection: "asyncpg.Connection[Any]"
) -> None:
    engine = create_engine(old_url)
    assert (await check(engine)).revision == "0001"
    for _ in range(2):
        await asyncio.to_thread(migrate, old_url)
        read = "SELECT version_num FROM alembic_version"
        assert await connection.fetchval(read) == newest_revision()
    assert (await check(engine)).problems == ()
    await engine.dispose()


def test_it_works_below_a_folder_with_a_percent_sign(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Path(migrate_module.__file__)
    folder = tmp_path / "100%(here)s"
    # Another process may just be writing a file of bytecode.
    without_bytecode = shutil.ignore_patterns("__pycache__")
    shutil.copytree(source.with_name("migrations"), folder / "migrations", ignore=without_bytecode)
    monkeypatch.setattr(migrate_module, "__file__", str(folder / source.name))
    assert newest_revision() == SCHEMA_VERSION


async def execute(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


async def test_a_timeout_that_the_host_has_set_for_the_role_does_not_stop_a_migration(
    empty_database_url: str,
) -> None:
    name = empty_database_url.rpartition("/")[2]
    settings = ("statement_timeout", "idle_in_transaction_session_timeout")
    checks = " OR ".join(f"current_setting('{each}') <> '0'" for each in settings)
    await execute(
        empty_database_url,
        *(f"ALTER DATABASE {name} SET {each} = '10min'" for each in settings),
        f"CREATE FUNCTION refuse_limits() RETURNS event_trigger LANGUAGE plpgsql AS $$"
        f" BEGIN IF {checks} THEN RAISE 'a migration has a timeout'; END IF; END $$",
        "CREATE EVENT TRIGGER refuse_limits ON ddl_command_end EXECUTE FUNCTION refuse_limits()",
    )
    await asyncio.to_thread(migrate, empty_database_url)


def test_a_database_with_an_encoding_that_lacks_characters_is_refused_by_name(
    postgres_server: LocalPostgres,
) -> None:
    name = "in_latin1"
    postgres_server.execute(
        f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE_PROVIDER libc"
        " LOCALE 'C'"
    )
    try:
        with pytest.raises(StorageUnavailable, match="is LATIN1, which cannot store every text"):
            migrate(postgres_server.url_of(name))
    finally:
        postgres_server.drop_database(name)


async def test_a_database_that_cannot_be_reached_cannot_be_migrated_or_checked() -> None:
    url = f"postgresql://payments:secret@127.0.0.1:{free_port()}/payments"
    engine = create_engine(url)
    with pytest.raises(StorageUnavailable) as not_migrated:
        migrate(url)
    with pytest.raises(StorageUnavailable) as not_checked:
        await check(engine)
    await engine.dispose()
    assert "secret" not in f"{not_migrated.value} {not_checked.value}"


async def test_processes_of_release_1_0_keep_working_and_all_old_names_are_renamed(
    old_url: str, connection: "asyncpg.Connection[Any]"
) -> None:
    process = OldProcess(connection)
    database = Database(create_engine(old_url))
    with pytest.raises(StorageUnavailable, match="older than this program"):
        await check_usable(database)
    await connection.execute(STORE_MANY)
    await process.work(0)
    migration = asyncio.create_task(asyncio.to_thread(migrate, old_url))
    numbers = 1
    while not migration.done():
        await process.work(numbers)
        numbers += 1
    await migration
    await process.work(numbers)
    numbers += 1
    for _ in range(2):
        order = await storage_on(database).read(f"order-{numbers - 1}")
        [payment] = order.payments
        assert (payment.status, payment.code) == (PaymentStatus.REVERSED, "reversed")
        refunds = {each.id.rpartition("-")[2]: (each.reason, each.code) for each in order.refunds}
        assert refunds == {
            "automatic": ("reversed", None),
            "external": ("external_refund", None),
            "requested": ("unwanted", "refunded_externally"),  # an operator wrote this reason
        }
        migrate(old_url)
        assert dict(await connection.fetch(COUNT_NAMES)) == {
            "payments.status: reversed": MANY + numbers,
            "payments.code: reversed": numbers,
            "refunds.reason: reversed": numbers,
            "refunds.reason: external_refund": MANY + numbers,
            "refunds.reason: unwanted": numbers,
            "refunds.code: refunded_externally": numbers,
        }
    await database.engine.dispose()


async def test_a_batch_that_deadlocks_with_a_commit_is_renamed_again(
    old_url: str, connection: "asyncpg.Connection[Any]"
) -> None:
    migrate(old_url)
    process = OldProcess(connection)
    await process.store_order(1)
    await process.store_order(2)
    update = "UPDATE payments SET reference = 'pi_2' WHERE id = $1"
    async with asyncio.timeout(SECONDS):
        async with connection.transaction():
            # The server ends the transaction that notices the deadlock first: the migration.
            await connection.execute("SET LOCAL deadlock_timeout = '60s'")
            await connection.execute(update, "payment-2")
            migration = asyncio.create_task(asyncio.to_thread(migrate, old_url))
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            while not await connection.fetchval(waiting):  # noqa: ASYNC110 - no event tells it
                await asyncio.sleep(0.01)
            await connection.execute(update, "payment-1")
        await migration
    assert dict(await connection.fetch(COUNT_NAMES))["payments.status: reversed"] == 2


async def test_the_views_with_the_old_names_have_the_privileges_of_the_tables(
    old_url: str, connection: "asyncpg.Connection[Any]", postgres_server: LocalPostgres
) -> None:
    role = "shop_of_release_1_0_0rc1"
    postgres_server.execute(f"CREATE ROLE {role}")
    try:
        for table in ("answers", "kept_notices"):
            await connection.execute(f"GRANT SELECT, INSERT, UPDATE ON {table} TO {role}")
            await connection.execute(f"GRANT DELETE ON {table} TO PUBLIC")
        migrate(old_url)
        await connection.execute(f"SET ROLE {role}")
        for relation in ("answers", "kept_notices", "idempotency_keys", "deferred_notifications"):
            for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"):
                has = f"SELECT has_table_privilege('{relation}', '{privilege}')"
                assert await connection.fetchval(has) == (privilege != "TRUNCATE"), has
        await OldProcess(connection).handle_request("key")
    finally:
        await connection.execute("RESET ROLE")
        await connection.execute(f"DROP OWNED BY {role}")
        postgres_server.execute(f"DROP ROLE {role}")
