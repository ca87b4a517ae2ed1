"""Roles with few privileges, and schemas that are shared with other programs."""

import asyncio
import importlib
import pkgutil
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text

from adapters.persistence import sql
from adapters.persistence.sql.database import Database
from adapters.persistence.sql.engine import create_engine
from adapters.persistence.sql.health_check import check
from adapters.persistence.sql.migrate import migrate, newest_revision
from adapters.persistence.sql.privileges import REQUIRED
from adapters.persistence.sql.readiness import check_usable
from adapters.persistence.sql.retention import SqlRetention
from adapters.persistence.sql.statement import Statement
from application.ports.unit_of_work import StorageUnavailable
from payments_kit.servers.postgres import LocalPostgres
from tests.builders import an_order
from tests.contracts.storages import storage_on

ROLES = (Path(__file__).parents[3] / "docs/database-roles.sql").read_text()
PASSWORD = "not-secret"


def as_role(url: str, role: str, query: str = "schema=payments") -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{role}:{PASSWORD}@{host}", query=query).geturl()


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    engine = create_engine(url, 1)
    try:
        yield Database(engine)
    finally:
        await engine.dispose()


async def execute(url: str, *statements: str) -> None:
    async with opened(url) as database:
        for statement in statements:
            await database.run(Statement.of(text(statement)))


@pytest.fixture
async def roles(empty_database_url: str, postgres_server: LocalPostgres) -> AsyncIterator[str]:
    """Yield the URL of a database with the roles of docs/database-roles.sql."""
    name = urlsplit(empty_database_url).path[1:]
    script = ROLES
    for variable in ("owner_password", "service_password"):
        script = script.replace(f":'{variable}'", f"'{PASSWORD}'")
    statements = [each for each in script.split(";") if each.strip()]
    await execute(empty_database_url, *statements)
    yield empty_database_url
    postgres_server.drop_database(name)
    postgres_server.execute("DROP ROLE payments_owner")
    postgres_server.execute("DROP ROLE payments_service")
    postgres_server.create_database(name)  # it is dropped once more


async def test_the_documented_roles_are_enough(roles: str) -> None:
    for _ in range(2):
        await asyncio.to_thread(migrate, as_role(roles, "payments_owner"))
    async with opened(as_role(roles, "payments_service")) as database:
        storage = storage_on(database)
        await storage.save(an_order())
        await storage.idempotency_store.delete_older_than(timedelta(0))
        await SqlRetention(database).delete_old_rows()
        await check_usable(database)
        found = await check(database.engine)
        assert (found.revision, found.problems) == (newest_revision(), ())
        with pytest.raises(StorageUnavailable, match="permission denied for schema payments"):
            await database.run(Statement.of(text("CREATE TABLE payments.another ()")))


def test_every_statement_needs_only_privileges_that_are_required() -> None:
    modules = [
        importlib.import_module(f"{sql.__name__}.{each.name}")
        for each in pkgutil.iter_modules(sql.__path__)
    ]
    texts = [
        value.text
        for module in modules
        for value in vars(module).values()
        if isinstance(value, Statement)
    ]
    needed = {
        (table, verb.split()[0])
        for verb, table in re.findall(r"\b(DELETE FROM|INSERT INTO|UPDATE) (\w+)", " ".join(texts))
        if table in REQUIRED
    }
    assert ("operator_sessions", "DELETE") in needed
    assert not [each for each in needed if each[1] not in REQUIRED[each[0]]]


async def test_each_missing_privilege_is_named_with_its_table(roles: str) -> None:
    await asyncio.to_thread(migrate, as_role(roles, "payments_owner"))
    owner, service = (as_role(roles, f"payments_{name}") for name in ("owner", "service"))
    await execute(
        owner,
        "REVOKE INSERT, UPDATE ON orders FROM payments_service",
        "REVOKE USAGE ON SEQUENCE outbox_position_seq FROM payments_service",
    )
    lacks = (
        "the role payments_service lacks INSERT, UPDATE on orders; USAGE on sequence"
        " outbox_position_seq: see docs/database.md"
    )
    async with opened(service) as database:
        assert (await check(database.engine)).problems == (lacks,)
        with pytest.raises(StorageUnavailable, match=lacks):
            await check_usable(database)
        with pytest.raises(StorageUnavailable, match="permission denied for table orders"):
            await storage_on(database).save(an_order())
    await execute(roles, "REVOKE USAGE ON SCHEMA payments FROM payments_service")
    async with opened(service) as database:
        [problem] = (await check(database.engine)).problems
    assert "USAGE on schema payments" in problem


@pytest.mark.parametrize(
    ("taken", "lack", "given"),
    [
        (
            "REVOKE DELETE ON inbox FROM payments_service",
            "DELETE on inbox",
            "GRANT DELETE ON inbox TO payments_service",
        ),
        (
            "REVOKE USAGE ON SEQUENCE declines_id_seq FROM payments_service",
            "USAGE on sequence declines_id_seq",
            "GRANT USAGE ON SEQUENCE declines_id_seq TO payments_service",
        ),
        (
            "ALTER TABLE orders ENABLE ROW LEVEL SECURITY",
            "BYPASSRLS, or a policy on orders",
            "CREATE POLICY everything ON orders USING (true)",
        ),
    ],
)
async def test_one_missing_privilege_makes_the_service_unready_until_it_is_given(
    roles: str, taken: str, lack: str, given: str
) -> None:
    await asyncio.to_thread(migrate, as_role(roles, "payments_owner"))
    owner, service = (as_role(roles, f"payments_{name}") for name in ("owner", "service"))
    async with opened(service) as database:
        await check_usable(database)
        await execute(owner, taken)
        with pytest.raises(StorageUnavailable, match=f"lacks {lack}:"):
            await check_usable(database)
        await execute(owner, given)
        await check_usable(database)


async def test_a_role_without_any_privilege_reads_no_traceback(roles: str) -> None:
    await asyncio.to_thread(migrate, f"{roles}?schema=shop")
    async with opened(as_role(roles, "payments_service", "schema=shop")) as database:
        [problem] = (await check(database.engine)).problems
    assert problem.startswith("the role payments_service lacks USAGE on schema shop; ")
    assert all(table in problem for table in REQUIRED)
    with pytest.raises(StorageUnavailable, match="permission denied"):
        await asyncio.to_thread(migrate, as_role(roles, "payments_service", "schema=new"))


FOREIGN = (
    "CREATE TABLE alembic_version (version_num varchar(32) NOT NULL)",
    "INSERT INTO alembic_version VALUES ('0001')",
)


@pytest.fixture
def foreign_orders(empty_database_url: str) -> str:
    """The URL of a database with another service's tables."""
    asyncio.run(execute(empty_database_url, *FOREIGN, "CREATE TABLE orders (id int, total int)"))
    return empty_database_url


async def test_another_services_version_table_is_left_alone(empty_database_url: str) -> None:
    await execute(empty_database_url, *FOREIGN)
    await asyncio.to_thread(migrate, empty_database_url)
    async with opened(empty_database_url) as database:
        found = await check(database.engine)
        foreign = Statement.of(text("SELECT version_num FROM alembic_version"))
        assert await database.run(foreign) == [("0001",)]
    assert (found.revision, found.problems) == (newest_revision(), ())


def test_another_programs_table_is_named_and_nothing_is_changed(foreign_orders: str) -> None:
    async def relations() -> list[tuple[str]]:
        query = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        async with opened(foreign_orders) as database:
            return sorted(await database.run(Statement.of(text(query))))

    before = asyncio.run(relations())
    with pytest.raises(StorageUnavailable, match="public has a table orders of another program"):
        migrate(foreign_orders)
    assert asyncio.run(relations()) == before
    migrate(f"{foreign_orders}?schema=payments")
    assert asyncio.run(relations()) == before


async def test_doctor_names_another_programs_table(foreign_orders: str) -> None:
    async with opened(foreign_orders) as database:
        with pytest.raises(StorageUnavailable, match=r"a table orders .*\?schema=payments"):
            await check(database.engine)
