"""Delete rows that are no longer needed, in batches that an index finds.

A row is deleted by its address, which was read by its index and locked. By its key, PostgreSQL
would read the whole table as soon as a batch is a larger part of it. Rows that another worker
deletes at this moment are skipped: the two neither wait for each other nor deadlock.
"""

from datetime import timedelta
from typing import Final

from attrs import frozen
from sqlalchemy import Column, Table, text

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.outbox_windows import FIRST, IN_WINDOW, LAST_OF_WINDOW
from adapters.persistence.sql.statement import Statement
from adapters.persistence.sql.tables import (
    alerts,
    declines,
    differences,
    inbox,
    operator_sessions,
)

BATCH: Final = 1_000
"""The largest number of rows that one statement deletes, which takes about 2 ms. Of a table with 20
times as many rows, PostgreSQL reads these by the index, with or without statistics."""

_AGE: Final = "CAST(:age AS interval)"


def delete_oldest(table: Table, moment: Column[object]) -> Statement:
    """Return a statement that deletes up to BATCH rows whose `moment` is longer ago than `age`.

    It returns one row for each. The column `moment` needs an index.
    """
    statement = f"""
        DELETE FROM {table.name} WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM {table.name} WHERE {moment.name} < now() - {_AGE}
            ORDER BY {moment.name} LIMIT {BATCH} FOR UPDATE SKIP LOCKED
        )) RETURNING 1
    """  # noqa: S608 - names of our own schema
    return Statement.of(text(statement))


# The events recorded first have the lowest positions, so no further index is needed.
_DELETE_SENT: Final = Statement.of(
    text(
        f"""
        WITH first AS MATERIALIZED ({FIRST}), deleted AS (
            DELETE FROM outbox WHERE ctid = ANY (ARRAY(
                SELECT ctid FROM outbox WHERE {IN_WINDOW} AND sent_at < now() - {_AGE}
                FOR UPDATE SKIP LOCKED
            )) RETURNING 1
        )
        SELECT {LAST_OF_WINDOW}, (SELECT count(*) FROM deleted) FROM first
        WHERE recorded_at < now() - {_AGE}
        """  # noqa: S608 - constants
    )
)
_DELETE_RECEIVED: Final = delete_oldest(inbox, inbox.c.received_at)
_DELETE_DECLINES: Final = delete_oldest(declines, declines.c.at)
_DELETE_ALERTS: Final = delete_oldest(alerts, alerts.c.last_at)
_DELETE_DIFFERENCES: Final = delete_oldest(differences, differences.c.seen_at)
_DELETE_SESSIONS: Final = delete_oldest(operator_sessions, operator_sessions.c.began_at)


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
    differed: timedelta = timedelta(days=90)
    """Differences, by when they were found last: a quarter, until the books are closed."""
    signed_in: timedelta = timedelta(days=1)
    """Sessions of operators, by when they began: longer than any lives."""

    async def delete_old_rows(self) -> int:
        """Delete older rows, at most BATCH of each table; return how many.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
        return (
            await self._delete_sent()
            + len(await self._database.run(_DELETE_RECEIVED, age=self.received))
            + len(await self._database.run(_DELETE_DECLINES, age=self.declined))
            + len(await self._database.run(_DELETE_ALERTS, age=self.alerted))
            + len(await self._database.run(_DELETE_DIFFERENCES, age=self.differed))
            + len(await self._database.run(_DELETE_SESSIONS, age=self.signed_in))
        )

    async def _delete_sent(self) -> int:
        """Delete events of the first window that has some to delete; return how many.

        It passes windows whose events wait for the broker, can never be published, or were
        published again, and ends at the first event that is young.
        """
        after = 0
        while rows := await self._database.run(_DELETE_SENT, age=self.sent, after=after):
            [(after, deleted)] = rows
            if deleted:
                return int(deleted)
        return 0
