"""Ids that were seen, in a temporary file: a million of them need no more memory than a few."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

from attrs import frozen


@frozen
class SeenIdsOnDisk:
    """One table of a database that SQLite deletes when it is closed."""

    _connection: sqlite3.Connection

    @classmethod
    @contextmanager
    def opened(cls) -> Iterator["SeenIdsOnDisk"]:
        """Open an empty set, and delete it at the end."""
        # "" is a temporary database: in memory while it is small, then in a file without a name
        # (https://www.sqlite.org/inmemorydb.html#temp_db).
        with closing(sqlite3.connect("", isolation_level=None)) as connection:
            connection.execute("create table seen (id text primary key) without rowid")
            yield cls(connection)

    def add(self, seen: str) -> None:
        self._connection.execute("insert or ignore into seen values (?)", (seen,))

    def __contains__(self, seen: str) -> bool:
        found = self._connection.execute("select 1 from seen where id = ?", (seen,))
        return found.fetchone() is not None
