"""Databases for tests, which are emptied and used again, because a new one takes 60 ms of CPU.

A test may do anything to its database: if more than rows has changed, or if it has grown, the next
test gets a new one.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any, Final, TypeVar

import asyncpg
from attrs import define, field

from payments_kit.servers.postgres import LocalPostgres

# On a quiet machine this takes milliseconds.
CLEAN_UP_SECONDS: Final = 120.0

# What has no statistics and few dead rows is as fast as new.
MAX_BYTES: Final = 2_000_000

_OURS: Final = (
    "relkind = 'r' AND relnamespace::regnamespace::text NOT LIKE 'pg\\_%'"
    " AND relnamespace <> 'information_schema'::regnamespace"
)
_TABLES: Final = f"SELECT oid::regclass::text FROM pg_class WHERE {_OURS}"
_SIZE: Final = f"SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE {_OURS}"
_CATALOGS: Final = (
    *("pg_class", "pg_attribute", "pg_proc", "pg_trigger", "pg_constraint", "pg_index", "pg_type"),
    *("pg_namespace", "pg_default_acl", "pg_rewrite", "pg_policy", "pg_extension"),
)
# Every definition that is changed gets another xmin. Statistics count, too: they change plans.
_DEFINITIONS: Final = " UNION ALL ".join(
    [
        *(
            f"SELECT '{each}', count(*), sum(xmin::text::bigint)::text FROM {each}"
            for each in _CATALOGS
        ),
        "SELECT 'statistics', count(*), '' FROM pg_statistic",
        f"SELECT 'tuples', count(*), sum(reltuples)::text FROM pg_class WHERE {_OURS}",
        "SELECT 'database', datconnlimit, datacl::text FROM pg_database"
        " WHERE datname = current_database()",
        "SELECT 'settings', count(*), string_agg(setconfig::text, '' ORDER BY setconfig)"
        " FROM pg_db_role_setting JOIN pg_database ON pg_database.oid = setdatabase"
        " WHERE datname = current_database()",
    ]
)
_END_SESSIONS: Final = (
    "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
_RESET_SEQUENCES: Final = (
    "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)"
    " FROM pg_sequences"
)

Connection = Any
T = TypeVar("T")


@define
class Databases:
    """Copies of a template on one server."""

    server: LocalPostgres
    template: str
    name: str = "copy"
    _numbers: Any = field(factory=lambda: count(1))
    _empty: list[str] = field(factory=list)
    _definitions: list[Any] = field(factory=list)
    _filled: dict[str, list[Any]] = field(factory=dict)

    def take(self) -> str:
        """Return the name of a database without rows."""
        if not self._definitions:
            self._in(self.template, self._learn)
        if self._empty:
            return self._empty.pop()
        name = f"{self.name}_{next(self._numbers)}"
        self.server.create_database(name, template=self.template)
        return name

    def give_back(self, name: str) -> None:
        """Empty a database for the next test, or drop it."""
        try:
            is_as_before = self._in(name, self._emptied)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            is_as_before = False
        if is_as_before:
            self._empty.append(name)
        else:
            self.server.drop_database(name)

    async def _emptied(self, connection: Connection) -> bool:
        await connection.fetch(_END_SESSIONS)
        if await _definitions(connection) != self._definitions:
            return False
        if await connection.fetchval(_SIZE) > MAX_BYTES:
            return False
        for table, rows in self._filled.items():
            if await _rows(connection, table) != rows:
                return False
        # Foreign keys, and triggers that keep a history complete, do not apply to this.
        deletions = [
            f"DELETE FROM {each}" for each in await _tables(connection) if each not in self._filled
        ]
        await connection.execute(
            ";".join(["SET session_replication_role = replica", *deletions]),
        )
        await connection.fetch(_RESET_SEQUENCES)
        return True

    async def _learn(self, connection: Connection) -> None:
        """Remember what a copy is like before a test: its definitions, and the rows it has."""
        self._definitions = await _definitions(connection)
        for table in await _tables(connection):
            if rows := await _rows(connection, table):
                self._filled[table] = rows

    def _in(self, name: str, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Work on a database in another thread: this one may run an event loop already."""

        async def run() -> T:
            async with asyncio.timeout(CLEAN_UP_SECONDS):
                connection = await asyncpg.connect(self.server.url_of(name))
                try:
                    return await work(connection)
                finally:
                    await connection.close()

        with ThreadPoolExecutor(max_workers=1) as thread:
            return thread.submit(asyncio.run, run()).result()


async def _definitions(connection: Connection) -> list[Any]:
    return [tuple(row) for row in await connection.fetch(_DEFINITIONS)]


async def _tables(connection: Connection) -> list[str]:
    return [row[0] for row in await connection.fetch(_TABLES)]


async def _rows(connection: Connection, table: str) -> list[Any]:
    return [tuple(row) for row in await connection.fetch(f"SELECT * FROM {table}")]
