"""Store: the lines of a file by the order that they are about, in a temporary file."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from itertools import groupby
from operator import itemgetter
from typing import Final

from attrs import define, field

_TABLES: Final = """
    create table lines (number integer primary key, owner text, line blob);
    create table searched (number integer primary key, names text, fallback text);
    create table names (name text, owner text, primary key (name, owner)) without rowid;
"""

_SEPARATOR: Final = "\0"
"""Between the names of a line; no id has it, because none is stored with it."""

OwnedLine = tuple[int, str, bytes]
"""The number of a line, the order that it is about, and its JSON."""

AT_ONCE: Final = 1000
"""Rows written by one statement."""


@define
class Store:
    """Lines, and which order has what is named in them: a payment, a charge, a refund, an event.

    A name has an owner if a history or an event says so. A line that only bears such names belongs
    to the order that owns the first of them. If several orders own the same name, they are judged
    together: what is recorded twice shows only then.
    """

    _connection: sqlite3.Connection
    _lines: list[tuple[int, str | None, bytes]] = field(factory=list)
    _searched: list[tuple[int, str, str | None]] = field(factory=list)
    _names: list[tuple[str, str]] = field(factory=list)

    @classmethod
    @contextmanager
    def opened(cls) -> Iterator["Store"]:
        """Open an empty store, and delete it at the end."""
        # "" is a temporary database: in memory while it is small, then in a file without a name
        # (https://www.sqlite.org/inmemorydb.html#temp_db).
        with closing(sqlite3.connect("", isolation_level=None)) as connection:
            connection.executescript(_TABLES)
            connection.execute("pragma journal_mode = off")
            yield cls(connection)

    def add(self, number: int, owner: str, line: bytes, *names: str) -> None:
        """Add a line about an order, which owns these names."""
        self._lines.append((number, owner, line))
        self._names += [(name, owner) for name in names]
        self._write(AT_ONCE)

    def add_unowned(
        self, number: int, line: bytes, *names: str, fallback: str | None = None
    ) -> None:
        """Add a line about the order that has the first of these names, else the fallback."""
        self._lines.append((number, None, line))
        self._searched.append((number, _SEPARATOR.join(names), fallback))
        self._write(AT_ONCE)

    def own(self, owner: str, *names: str) -> None:
        """Note that an order owns these names."""
        self._names += [(name, owner) for name in names]

    def groups(self) -> Iterator[tuple[list[str], list[OwnedLine]]]:
        """Yield the orders, mostly one by one, each with its lines in the order of the file."""
        self._write(0)
        self._find_owners()
        together = self._judged_together()
        leaders: dict[str, str] = dict(together)
        rows = self._connection.execute(
            "select number, owner, line from lines where owner is not null order by owner, number"
        )
        waiting = dict[str, tuple[list[str], list[OwnedLine]]]()
        for owner, found in groupby(rows, key=itemgetter(1)):
            lines = [*found]
            leader = leaders.get(owner)
            if leader is None:
                yield [owner], lines
                continue
            orders, collected = waiting.setdefault(leader, ([], []))
            orders.append(owner)
            collected += lines
        for orders, collected in waiting.values():
            yield orders, sorted(collected)

    def without_owner(self) -> Iterator[tuple[int, bytes]]:
        """Yield the lines that are about no order that is known."""
        yield from self._connection.execute(
            "select number, line from lines where owner is null order by number"
        )

    def _write(self, more_than: int) -> None:
        if len(self._lines) <= more_than and len(self._names) <= more_than:
            return
        execute = self._connection.executemany
        execute("insert into lines values (?, ?, ?)", self._lines)
        execute("insert into searched values (?, ?, ?)", self._searched)
        execute("insert or ignore into names values (?, ?)", self._names)
        self._lines.clear()
        self._searched.clear()
        self._names.clear()

    def _find_owners(self) -> None:
        found = self._connection.execute("select number, names, fallback from searched")
        while some := found.fetchmany(AT_ONCE):
            owned = [
                (self._owner_of(names) or fallback, number) for number, names, fallback in some
            ]
            self._connection.executemany("update lines set owner = ? where number = ?", owned)

    def _owner_of(self, names: str) -> str | None:
        for name in names.split(_SEPARATOR):
            row = self._connection.execute(
                "select owner from names where name = ? limit 1", (name,)
            ).fetchone()
            if row is not None:
                return str(row[0])
        return None

    def _judged_together(self) -> Mapping[str, str]:
        """Return a common representative of each order that shares a name with another one."""
        leaders = dict[str, str]()
        shared = self._connection.execute(
            "select name, owner from names where name in"
            " (select name from names group by name having count(*) > 1) order by name"
        )
        for _, rows in groupby(shared, key=itemgetter(0)):
            owners = [owner for _, owner in rows]
            for other in owners[1:]:
                one, two = _root(leaders, owners[0]), _root(leaders, other)
                leaders[two] = one
        return {owner: _root(leaders, owner) for owner in [*leaders]}


def _root(leaders: dict[str, str], owner: str) -> str:
    leaders.setdefault(owner, owner)
    while leaders[owner] != owner:
        owner = leaders[owner]
    return owner
