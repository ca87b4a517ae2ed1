"""Readiness of the database: one cheap question on a connection of its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from attrs import define, field
from sqlalchemy import text

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.database_url import Prepared
from adapters.persistence.sql.engine import create_engine
from adapters.persistence.sql.privileges import HAS_ALL, check_privileges
from adapters.persistence.sql.schema_version import SCHEMA_VERSION
from adapters.persistence.sql.statement import Statement
from adapters.persistence.sql.version_table import VERSION_TABLE
from application.ports.unit_of_work import StorageUnavailable

# A standby is always read-only.
QUESTION: Final = Statement.of(
    text(
        f"SELECT version_num, current_setting('transaction_read_only')::boolean, {HAS_ALL}"  # noqa: S608
        f" FROM {VERSION_TABLE}"
    )
)


async def check_usable(database: Database) -> None:
    """Check that the schema is not older than this program, and that the role can write it.

    A newer schema is accepted.

    Raises:
        StorageUnavailable: it is older, the server is read-only, the role lacks a privilege, or the
            database cannot be reached.
    """
    rows = await database.run(QUESTION)
    if max((version for version, _, _ in rows), default="") < SCHEMA_VERSION:
        raise StorageUnavailable("the schema is older than this program: run `payments migrate`")
    if any(is_read_only for _, is_read_only, _ in rows):
        raise StorageUnavailable("the server is read-only: is it a standby?")
    if not all(has_all for _, _, has_all in rows):
        await check_privileges(database)


@define
class Readiness:
    """Asks whether the database can be used; it does not wait for the places of the pool.

    A service whose pool is busy is not broken: taking it out of service moves its load to others,
    which are as busy.
    """

    _database: Database
    _question: "asyncio.Task[None] | None" = field(default=None, init=False)

    @classmethod
    @asynccontextmanager
    async def on(cls, database_url: str, prepared: Prepared) -> "AsyncIterator[Readiness]":
        """Open the connection when it is first needed; close it at the end of the block."""
        engine = create_engine(database_url, 1, prepared=prepared)
        readiness = cls(Database(engine))
        try:
            yield readiness
        finally:
            await readiness._end()
            await engine.dispose()

    async def check(self) -> None:
        """Return if the database can be used.

        Callers at the same time share one question. It goes on when a caller gives up: over a slow
        network, opening the connection takes longer than a probe waits, and the next probe has it.

        Raises:
            StorageUnavailable: it cannot be used.
        """
        if self._question is None or self._question.done():
            self._question = asyncio.create_task(self._ask())
            self._question.add_done_callback(_retrieve)
        await asyncio.shield(self._question)

    async def _ask(self) -> None:
        try:
            await check_usable(self._database)
        except StorageUnavailable:
            # After a failover, this connection may lead to a server that only reads.
            await self._database.engine.dispose()
            raise

    async def _end(self) -> None:
        if self._question is not None:
            self._question.cancel()
            await asyncio.gather(self._question, return_exceptions=True)


def _retrieve(question: "asyncio.Task[None]") -> None:
    """Retrieve the error, or asyncio would report it if nobody waits for it any more."""
    if not question.cancelled():
        question.exception()
