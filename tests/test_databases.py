"""The databases of the tests: used again when they are as they were, and replaced otherwise."""

import asyncio

import asyncpg
import pytest

from payments_kit.servers.postgres import LocalPostgres
from tests.databases import Databases


@pytest.fixture(scope="module")
def databases(postgres_server: LocalPostgres, migrated_template: str) -> Databases:
    return Databases(postgres_server, migrated_template, name="of_these_tests")


def execute(databases: Databases, name: str, statement: str) -> list[tuple[object, ...]]:
    async def run() -> list[tuple[object, ...]]:
        connection = await asyncpg.connect(databases.server.url_of(name))
        try:
            return [tuple(row) for row in await connection.fetch(statement)]
        finally:
            await connection.close()

    return asyncio.run(run())


ADD_A_ROW = "INSERT INTO alerts VALUES ('kind', 'subject', 'text', now(), now(), 1)"


def test_a_database_with_more_rows_is_emptied_and_used_again(databases: Databases) -> None:
    name = databases.take()
    execute(databases, name, ADD_A_ROW)
    databases.give_back(name)
    assert databases.take() == name
    assert execute(databases, name, "SELECT * FROM alerts") == []
    databases.server.drop_database(name)


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE alerts ADD COLUMN planted text",
        "DROP INDEX alerts_last_at",
        "CREATE FUNCTION planted() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "GRANT SELECT ON alerts TO public",
        "UPDATE database_identity SET identity = '0a0a0a0a'",
        "ANALYZE",
    ],
)
def test_a_database_with_anything_else_is_replaced(databases: Databases, statement: str) -> None:
    name = databases.take()
    execute(databases, name, statement)
    databases.give_back(name)
    another = databases.take()
    assert another != name
    assert not databases.server.has_database(name)
    databases.server.drop_database(another)
