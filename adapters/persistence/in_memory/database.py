"""The in-memory database: its tables, and units of work on them."""

from collections.abc import Callable

from attrs import define

from adapters.persistence.in_memory.tables import InMemoryTables
from adapters.persistence.in_memory.unit_of_work import InMemoryUnitOfWork


@define
class InMemoryDatabase(InMemoryTables):
    """One database, shared by everything that is constructed with it."""

    def begin(self, traceparent: Callable[[], str | None] = lambda: None) -> InMemoryUnitOfWork:
        """Begin a unit of work; `traceparent` returns the trace context of its events."""
        return InMemoryUnitOfWork(self, traceparent, self.restored)
