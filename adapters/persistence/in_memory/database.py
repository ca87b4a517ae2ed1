"""The in-memory database: its tables, and units of work on them."""

from collections.abc import Callable

from attrs import define

from adapters.persistence.in_memory.tables import InMemoryTables
from adapters.persistence.in_memory.unit_of_work import InMemoryUnitOfWork
from domain.actor import THE_SERVICE, Actor


@define
class InMemoryDatabase(InMemoryTables):
    """One database, shared by everything that is constructed with it."""

    def begin(
        self,
        traceparent: Callable[[], str | None] = lambda: None,
        actor: Callable[[], Actor] = lambda: THE_SERVICE,
    ) -> InMemoryUnitOfWork:
        """Begin a unit of work.

        Args:
            traceparent: returns the trace context of its events.
            actor: returns who changes the orders, for their histories.
        """
        return InMemoryUnitOfWork(self, traceparent, actor, self.restored)
