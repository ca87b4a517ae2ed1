"""ObservedDatabase: a database that tells an observer about each statement, not its values."""

import re
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol

from attrs import field, frozen

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.statement import Rows, Statement
from adapters.persistence.sql.statement_groups import Epoch
from adapters.persistence.sql.tables import metadata

_PART: Final = re.compile(r"\b(INSERT INTO|UPDATE|DELETE FROM|FROM|JOIN) (?:ONLY )?(\w+)", re.I)
_OPERATIONS: Final = {"INSERT INTO": "INSERT", "UPDATE": "UPDATE", "DELETE FROM": "DELETE"}

# https://opentelemetry.io/docs/specs/semconv/db/database-spans/#generating-a-summary-of-the-query
MAX_SUMMARY: Final = 255


@frozen
class Query:
    """What may be told about a statement."""

    summary: str
    """Its operations and tables, such as `INSERT payments outbox UPDATE orders`."""
    operation: str
    """The first that writes, or SELECT."""

    @classmethod
    def of(cls, text: str) -> "Query":
        """Return the query of a statement, without subqueries of what it writes."""
        tables: dict[str, dict[str, None]] = {}
        for words, table in _PART.findall(" ".join(text.split())):
            if table in metadata.tables:
                tables.setdefault(_OPERATIONS.get(words.upper(), "SELECT"), {})[table] = None
        read = tables.pop("SELECT", {})
        written = {table for each in tables.values() for table in each}
        if others := dict.fromkeys(table for table in read if table not in written):
            tables["SELECT"] = others
        parts = (" ".join((operation, *each)) for operation, each in tables.items())
        summary = " ".join(parts)[:MAX_SUMMARY] or "SELECT"
        return cls(summary, next(iter(tables), "SELECT"))


class Observe(Protocol):
    """Observes the execution of a statement."""

    def __call__(self, query: Query, *, commits: bool) -> AbstractContextManager[object]:
        """Return what is entered before, and left with the error, if there is one.

        Args:
            query: the statement.
            commits: whether it commits a unit of work.
        """


@frozen
class ObservedDatabase(Database):
    """A database whose statements are observed. One that is not observed pays nothing for it."""

    observe: Observe = field(kw_only=True)
    _queries: dict[Statement, Query] = field(factory=dict, init=False)

    async def run(self, statement: Statement, **values: Any) -> Rows:
        with self.observe(self._query(statement), commits=False):
            return await super().run(statement, **values)

    async def commit(
        self, statement: Statement, parameters: tuple[Any, ...], epoch: Epoch | None = None
    ) -> Rows:
        with self.observe(self._query(statement), commits=True):
            return await super().commit(statement, parameters, epoch)

    def _query(self, statement: Statement) -> Query:
        query = self._queries.get(statement)
        if query is None:
            query = self._queries[statement] = Query.of(statement.text)
        return query
