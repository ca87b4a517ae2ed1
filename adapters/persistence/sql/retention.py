"""Delete rows that are no longer needed, in batches."""

from datetime import timedelta
from typing import Final

from attrs import frozen
from sqlalchemy import (
    ColumnElement,
    Delete,
    Integer,
    Interval,
    Table,
    bindparam,
    delete,
    func,
    literal_column,
    select,
    tuple_,
)

from adapters.persistence.sql.database import Database, Statement
from adapters.persistence.sql.tables import alerts, declines, inbox, outbox

BATCH: Final = 10_000
"""The largest number of rows that one statement deletes from a table, which takes about 50 ms."""

_BATCH: Final = literal_column(str(BATCH), Integer)
_OLDEST_TO_KEEP: Final = func.now() - bindparam("age", type_=Interval)


def delete_oldest(table: Table, moment: ColumnElement[object]) -> Statement:
    """Return a statement that deletes up to BATCH rows whose `moment` is longer ago than `age`.

    The column `moment` needs an index.
    """
    old = select(*table.primary_key).where(moment < _OLDEST_TO_KEEP).order_by(moment).limit(_BATCH)
    return _counted(delete(table).where(tuple_(*table.primary_key).in_(old)))


def _counted(statement: Delete) -> Statement:
    """Let a statement return one row for each row that it deletes."""
    return Statement.of(statement.returning(literal_column("1")))


# The events sent first have the lowest positions, so no further index is needed.
_OLDEST_SENT = (
    select(outbox.c.position)
    .where(outbox.c.sent_at.is_not(None))
    .order_by(outbox.c.position)
    .limit(_BATCH)
)
_DELETE_SENT: Final = _counted(
    delete(outbox).where(outbox.c.position.in_(_OLDEST_SENT), outbox.c.sent_at < _OLDEST_TO_KEEP)
)
_DELETE_RECEIVED: Final = delete_oldest(inbox, inbox.c.received_at)
_DELETE_DECLINES: Final = delete_oldest(declines, declines.c.at)
_DELETE_ALERTS: Final = delete_oldest(alerts, alerts.c.last_at)


@frozen
class SqlRetention:
    """Deletes rows older than these ages. That of idempotency keys is a parameter of their port."""

    _database: Database
    sent: timedelta = timedelta(days=14)
    """Sent events: as long as the broker keeps them, for `republish`."""
    received: timedelta = timedelta(days=30)
    """Notifications: Stripe repeats them for 3 days (https://docs.stripe.com/webhooks#retries), and
    for 30 days if an operator asks for it."""
    declined: timedelta = timedelta(days=7)
    """Declines: longer than the longest window in which they are counted."""
    alerted: timedelta = timedelta(days=30)
    """Alerts, by their last report: long enough to look at what happened before an incident."""

    async def delete_old_rows(self) -> int:
        """Delete older rows, at most BATCH of each table; return how many.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
        return (
            len(await self._database.run(_DELETE_SENT, age=self.sent))
            + len(await self._database.run(_DELETE_RECEIVED, age=self.received))
            + len(await self._database.run(_DELETE_DECLINES, age=self.declined))
            + len(await self._database.run(_DELETE_ALERTS, age=self.alerted))
        )
