"""The unsent part of the outbox and the lease of its relay, by the database's clock."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec
from attrs import frozen
from sqlalchemy import (
    BigInteger,
    DateTime,
    Interval,
    Text,
    bindparam,
    cast,
    func,
    literal_column,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert

from adapters.persistence.sql.database import Database, Statement
from adapters.persistence.sql.mappers.events import event_from
from adapters.persistence.sql.tables import outbox, relay
from application.ports.event_publisher import OutboxEntry
from domain.events import EventId

_LEASE = insert(relay).values(
    id=literal_column("1"),
    holder=bindparam("relay", type_=Text),
    lease_ends=func.now() + bindparam("lease", type_=Interval),
)
_LEASED = (
    _LEASE.on_conflict_do_update(
        index_elements=[relay.c.id],
        set_={"holder": _LEASE.excluded.holder, "lease_ends": _LEASE.excluded.lease_ends},
        where=or_(relay.c.holder == _LEASE.excluded.holder, relay.c.lease_ends <= func.now()),
    )
    .returning(relay.c.id)
    .cte("leased")
)

# Selected by their state, not by "after the last position that was sent": a transaction that
# commits late has a lower position than entries that were sent before.
TAKE: Final = Statement.of(
    select(
        outbox.c.subject,
        # As text, because the driver's own decoding of JSON is slower.
        cast(outbox.c.data, Text),
        outbox.c.recorded_at,
        outbox.c.traceparent,
    )
    .where(outbox.c.sent_at.is_(None), outbox.c.parked.is_(None), select(_LEASED).exists())
    .order_by(outbox.c.position)
    .limit(bindparam("limit", type_=BigInteger))
)

_EVENTS: Final = bindparam("events", type_=ARRAY(Text))

_MARK_SENT: Final = Statement.of(
    update(outbox).where(outbox.c.id == func.any(_EVENTS)).values(sent_at=func.now())
)

_REJECTED = (
    func.unnest(_EVENTS, bindparam("reasons", type_=ARRAY(Text)))
    .table_valued("id", "reason")
    .render_derived(name="rejected")
)
_PARK: Final = Statement.of(
    update(outbox).where(outbox.c.id == _REJECTED.c.id).values(parked=_REJECTED.c.reason)
)

# One statement updates this many rows well within its timeout.
_REPUBLISH_BATCH: Final = 10_000

_SENT_SINCE = (
    select(outbox.c.position)
    .where(
        outbox.c.sent_at >= bindparam("since", type_=DateTime(timezone=True)),
        outbox.c.position > bindparam("after", type_=BigInteger),
    )
    .order_by(outbox.c.position)
    .limit(literal_column(str(_REPUBLISH_BATCH)))
)
_REPUBLISH: Final = Statement.of(
    update(outbox)
    .where(outbox.c.position.in_(_SENT_SINCE))
    .values(sent_at=null())
    .returning(outbox.c.position)
)


@frozen
class SqlOutboxQueue:
    """An outbox queue in which each method is one idempotent statement."""

    _database: Database

    async def take(self, relay: str, lease: timedelta, limit: int) -> Sequence[OutboxEntry]:
        rows = await self._database.run(TAKE, relay=relay, lease=lease, limit=limit)
        return [
            OutboxEntry(event_from(subject, msgspec.json.decode(data)), recorded_at, traceparent)
            for subject, data, recorded_at, traceparent in rows
        ]

    async def mark_sent(self, events: Collection[EventId]) -> None:
        if events:
            await self._database.run(_MARK_SENT, events=list(events))

    async def park(self, rejected: Mapping[EventId, str]) -> None:
        if rejected:
            events, reasons = list(rejected), list(rejected.values())
            await self._database.run(_PARK, events=events, reasons=reasons)

    async def republish(self, since: datetime) -> int:
        """Mark the events sent since then as unsent, for a broker that lost them; return how many.

        The events keep their ids and their order.

        Raises:
            StorageUnavailable: perhaps only some were marked; call it again.
        """
        total, after = 0, 0
        while rows := await self._database.run(_REPUBLISH, since=since, after=after):
            total += len(rows)
            after = max(position for (position,) in rows)
        return total
