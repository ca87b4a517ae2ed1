"""Connection poolers, such as PgBouncer in transaction mode.

Such a pooler may use another server connection for each transaction. asyncpg needs two round trips
for a statement: it is prepared, then executed. Between the two, the pooler may switch, and then the
statement is unknown, or the name stands for another statement. In one transaction it cannot switch.
"""

import uuid
from typing import Any, Final, cast

import asyncpg

# PgBouncer has kept track of prepared statements since version 1.21, if max_prepared_statements is
# not 0. It gives each a name of its own, so that a statement does not find itself by our name.
_FIND_ITSELF: Final = "SELECT count(*) FROM pg_prepared_statements WHERE name = '{name}'"


class PooledConnection(asyncpg.Connection):
    """Runs each statement in a transaction of its own: four round trips instead of one."""

    async def fetch(
        self, query: str, *args: Any, timeout: float | None = None, record_class: Any = None
    ) -> list[Any]:
        """Run a statement, without a name."""
        async with self.transaction():
            return cast(
                list[Any],
                await super().fetch(query, *args, timeout=timeout, record_class=record_class),
            )

    async def prepare(self, query: str, *, name: Any = None, **options: Any) -> Any:
        """Prepare a statement under a name that no other connection has used.

        SQLAlchemy, which runs migrations, prepares each statement inside a transaction.
        """
        return await super().prepare(query, name=name or f"payments_{uuid.uuid4().hex}", **options)


async def breaks_named_statements(connection: "asyncpg.Connection[Any]") -> bool:
    """Whether this connection has a pooler that does not keep prepared statements.

    A pooler in session mode cannot be distinguished and counts as one that does not.
    """
    [(server,)] = await connection.fetch("SELECT pg_backend_pid()")
    if server == connection.get_server_pid():
        return False  # a pooler announces itself to its clients under another number
    name = f"payments_{uuid.uuid4().hex}"
    async with connection.transaction():
        statement = await connection.prepare(_FIND_ITSELF.format(name=name), name=name)
        return bool(await statement.fetchval())
