"""Database: one database of the local server, as the benchmark itself uses it."""

import asyncio
from collections.abc import Mapping
from typing import Any

import asyncpg
from attrs import field, frozen


@frozen
class Database:
    """A database, with a new connection for each statement."""

    url: str = field(repr=False)
    settings: Mapping[str, str] = field(factory=dict)
    """Settings of the server for these connections."""

    def execute(self, *statements: str) -> None:
        """Run statements one after the other."""
        for statement in statements:
            self.fetch(statement)

    def fetch(self, statement: str) -> list[Any]:
        """Run one statement; return its rows."""
        return asyncio.run(self._fetch(statement))

    async def _fetch(self, statement: str) -> list[Any]:
        connection = await asyncpg.connect(self.url, server_settings=dict(self.settings))
        try:
            return list(await connection.fetch(statement))
        finally:
            await connection.close()

    def written(self) -> int:
        """Return how many bytes of WAL the server has written."""
        [(position,)] = self.fetch("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")
        return int(position)
