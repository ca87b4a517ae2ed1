"""Letting time go by without waiting for it."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

from attrs import define
from sqlalchemy import Interval, bindparam, update

from adapters.persistence.sql.database import Database, Statement
from adapters.persistence.sql.tables import answers, declines, relay
from tests.builders import NOW

Elapse = Callable[[timedelta], Awaitable[None]]
"""Let so much time go by."""

_LEASES: Final = (
    (relay, ("lease_ends",)),
    (answers, ("begun_at", "lease_ends")),
    (declines, ("at",)),
)


@define
class StandingClock:
    """A clock that stands still until time is let go by."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        """The moment it shows."""
        return self.now

    async def elapse(self, time: timedelta) -> None:
        """Let so much time go by."""
        self.now += time


def of_sql(database: Database) -> Elapse:
    """Move everything that was written into the past: the server's clock can't be moved."""
    past = bindparam("past", type_=Interval)
    statements = [
        Statement.of(update(table).values({name: table.c[name] - past for name in names}))
        for table, names in _LEASES
    ]

    async def elapse(time: timedelta) -> None:
        for statement in statements:
            await database.run(statement, past=time)

    return elapse
