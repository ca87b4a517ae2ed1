"""How PostgreSQL would run a statement."""

from collections.abc import Sequence

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.statement import Statement


async def plan_of(
    database: Database, statement: Statement, arguments: Sequence[str], mode: str
) -> dict[str, object]:
    """Return the plan of a statement in a mode of `plan_cache_mode`; the arguments are SQL."""
    connection = await database.pool.acquire()
    try:
        await connection.driver.execute(f"SET plan_cache_mode = {mode}")
        await connection.driver.execute(f"PREPARE tested AS {statement.text}")
        [(plan,)] = await connection.driver.fetch(
            f"EXPLAIN (FORMAT JSON) EXECUTE tested ({', '.join(arguments)})"
        )
        await connection.driver.execute("DEALLOCATE tested; RESET plan_cache_mode")
    finally:
        database.pool.release(connection)
    found: dict[str, object] = plan[0]["Plan"]
    return found
