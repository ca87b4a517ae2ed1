"""Connection poolers, such as PgBouncer in transaction mode.

Such a pooler may use another server connection for each transaction, so that a prepared statement
is unknown in the next one, or its name stands for another statement. Without its cache, asyncpg
parses and executes a statement in one message, which no pooler can divide: two round trips instead
of one, because the types of the parameters are asked for first.
"""

import uuid
from typing import Any, Final

import asyncpg

# PgBouncer has kept track of prepared statements since version 1.21, if max_prepared_statements is
# not 0. It gives each a name of its own, so that a statement does not find itself by our name.
_FIND_ITSELF: Final = "SELECT count(*) FROM pg_prepared_statements WHERE name = '{name}'"


class PooledConnection(asyncpg.Connection):
    """A connection without named statements; `statement_cache_size` must be 0, too."""

    async def prepare(self, query: str, *, name: Any = None, **options: Any) -> Any:
        """Prepare a statement under a name that no other connection has used.

        SQLAlchemy, which runs migrations, prepares each statement inside a transaction.
        """
        return await super().prepare(query, name=name or f"payments_{uuid.uuid4().hex}", **options)


def is_pooled(connection: "asyncpg.Connection[Any]") -> bool:
    """Whether a connection does without named statements."""
    # asyncpg's classes count any connection as an instance of each of them.
    return type(connection) is PooledConnection


async def has_pooler(connection: "asyncpg.Connection[Any]") -> bool:
    """Whether there is a pooler between us and the server.

    A pooler announces itself to its clients under another number than the server's.
    """
    [(server,)] = await connection.fetch("SELECT pg_backend_pid()")
    return bool(server != connection.get_server_pid())


async def breaks_named_statements(connection: "asyncpg.Connection[Any]") -> bool:
    """Whether this connection has a pooler that does not keep prepared statements.

    A pooler in session mode cannot be distinguished and counts as one that does not.
    """
    if not await has_pooler(connection):
        return False
    name = f"payments_{uuid.uuid4().hex}"
    async with connection.transaction():
        statement = await connection.prepare(_FIND_ITSELF.format(name=name), name=name)
        return bool(await statement.fetchval())
