"""What only a person can change is kept for an alert; what ends by itself is not."""

import asyncpg
import pytest
from sqlalchemy import text

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.engine import create_engine
from adapters.persistence.sql.refusals import MAX_KEPT, Refusals
from adapters.persistence.sql.statement import Statement
from application.ports.unit_of_work import StorageUnavailable


class UnknownError(asyncpg.PostgresError):
    """An error of a later version of PostgreSQL."""

    sqlstate = "ZZ999"


@pytest.mark.parametrize(
    ("error", "kept"),
    [
        (asyncpg.InsufficientPrivilegeError("permission denied for table orders"), True),
        (asyncpg.InvalidPasswordError("password authentication failed"), True),
        (asyncpg.DiskFullError("no space left on device"), True),
        (asyncpg.DataCorruptedError("invalid page"), True),
        (UnknownError("from a newer server"), True),
        (asyncpg.SerializationError("concurrent update"), False),
        (asyncpg.AdminShutdownError("terminating"), False),
        (asyncpg.QueryCanceledError("statement timeout"), False),
        (asyncpg.ReadOnlySQLTransactionError("after a failover"), False),
        (ConnectionRefusedError("refused"), False),
        (TimeoutError(), False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_a_refusal_is_kept_until_it_is_taken(error: Exception, kept: bool) -> None:
    refusals = Refusals()
    refusals.note(error)
    taken = refusals.take()
    assert bool(taken) is kept
    assert all("\n" not in line for line in taken)
    assert refusals.take() == []


def test_the_same_refusal_is_kept_once_and_the_number_of_others_is_bounded() -> None:
    refusals = Refusals()
    for number in range(5 * MAX_KEPT):
        refusals.note(asyncpg.InsufficientPrivilegeError(f"denied for table {number % 20}"))
    assert len(refusals.take()) == MAX_KEPT


async def test_a_statement_that_the_database_refuses_is_kept(sql: Database) -> None:
    with pytest.raises(StorageUnavailable):
        await sql.run(Statement.of(text("SELECT * FROM pg_authid_missing")))
    [line] = sql.refusals.take()
    assert line.endswith("(42P01)")
    await sql.run(Statement.of(text("SELECT 1")))
    assert sql.refusals.take() == []


async def test_a_connection_that_the_database_refuses_is_kept(database_url: str) -> None:
    refused = Database(create_engine(f"{database_url}_missing"))
    with pytest.raises(StorageUnavailable):
        await refused.run(Statement.of(text("SELECT 1")))
    [line] = refused.refusals.take()
    assert line.endswith("(3D000)")
