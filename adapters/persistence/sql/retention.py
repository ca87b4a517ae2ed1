"""Forgetting what nobody will ask for again, a bounded part at a time."""

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
from adapters.persistence.sql.tables import declines, inbox, outbox

BATCH: Final = 10_000
"""How many rows of a table one statement deletes at the most: some 50 ms."""

_BATCH: Final = literal_column(str(BATCH), Integer)
_OLDEST_KEPT: Final = func.now() - bindparam("age", type_=Interval)


def oldest(table: Table, moment: ColumnElement[object]) -> Statement:
    """Delete the oldest rows of a table whose moment (indexed) is longer ago than `age`."""
    old = select(*table.primary_key).where(moment < _OLDEST_KEPT).order_by(moment).limit(_BATCH)
    return _deletion(delete(table).where(tuple_(*table.primary_key).in_(old)))


def _deletion(statement: Delete) -> Statement:
    """One row for each row that was deleted."""
    return Statement.of(statement.returning(literal_column("1")))


# The longest sent are those of the lowest positions, so that no index of its own is needed.
_MAX_SENT = (
    select(outbox.c.position)
    .where(outbox.c.sent_at.is_not(None))
    .order_by(outbox.c.position)
    .limit(_BATCH)
)
_SENT: Final = _deletion(
    delete(outbox).where(outbox.c.position.in_(_MAX_SENT), outbox.c.sent_at < _OLDEST_KEPT)
)
_HEARD: Final = oldest(inbox, inbox.c.heard_at)
_DECLINED: Final = oldest(declines, declines.c.at)


@frozen
class SqlRetention:
    """How long what is over is kept. Idempotency keys have an age of their own, in the port."""

    _database: Database
    sent: timedelta = timedelta(days=14)
    """Events that were sent: as long as the broker keeps them, for `republish`."""
    heard: timedelta = timedelta(days=30)
    """Notices: Stripe sends one again for three days (https://docs.stripe.com/webhooks#retries),
    and by hand for thirty."""
    declined: timedelta = timedelta(days=7)
    """Declines: longer than any window in which they are counted."""

    async def delete_old_rows(self) -> int:
        """Forget what is older, BATCH of each kind at the most; how much.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
        return (
            len(await self._database.run(_SENT, age=self.sent))
            + len(await self._database.run(_HEARD, age=self.heard))
            + len(await self._database.run(_DECLINED, age=self.declined))
        )
