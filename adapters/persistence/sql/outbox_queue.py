"""The unsent part of the outbox and the lease of its relay, by the database's clock."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec
from attrs import frozen
from sqlalchemy import (
    BigInteger,
    Boolean,
    Interval,
    Text,
    and_,
    bindparam,
    case,
    cast,
    exists,
    func,
    literal_column,
    not_,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert

from adapters.persistence.sql.database import Database
from adapters.persistence.sql.mappers.events import event_from
from adapters.persistence.sql.outbox_windows import FIRST, IN_WINDOW, LAST_OF_WINDOW
from adapters.persistence.sql.statement import Statement
from adapters.persistence.sql.tables import outbox, relay
from application.ports.event_publisher import OutboxEntry
from domain.events import EventId

# What only the relay writes need not be on the disk when it goes on. If a crash loses it, another
# relay may take the lease, and events are sent again under their ids. It saves two waits an event.
_WITHOUT_SYNC = (
    select(literal_column("set_config('synchronous_commit', 'off', true)").label("value"))
    .cte("without_sync")
    .prefix_with("MATERIALIZED")
)

_LEASE_ENDS = func.now() + bindparam("lease", type_=Interval)
_IS_WAITING = and_(outbox.c.sent_at.is_(None), outbox.c.parked.is_(None))
# Found once, as a scan passes the entries of events that were sent since the last VACUUM.
_OLDEST = (
    select(outbox.c.position)
    .where(_IS_WAITING)
    .order_by(outbox.c.position)
    .limit(literal_column("1"))
    .cte("oldest")
    .prefix_with("MATERIALIZED")
)
_SLEEPS = and_(bindparam("is_woken", type_=Boolean), not_(exists(select(_OLDEST))))
_LEASE = insert(relay).from_select(
    ["id", "holder", "lease_ends", "sleeps_until"],
    select(
        literal_column("1"),
        bindparam("relay", type_=Text),
        _LEASE_ENDS,
        case((_SLEEPS, _LEASE_ENDS)),
    ).select_from(_WITHOUT_SYNC),
)
_LEASED = (
    _LEASE.on_conflict_do_update(
        index_elements=[relay.c.id],
        set_={name: _LEASE.excluded[name] for name in ("holder", "lease_ends", "sleeps_until")},
        where=or_(relay.c.holder == _LEASE.excluded.holder, relay.c.lease_ends <= func.now()),
    )
    .returning(relay.c.id)
    .cte("leased")
)

_LIMIT: Final = bindparam("limit", type_=BigInteger)
_FIRST: Final = select(_OLDEST.c.position).scalar_subquery()

# Selected by their state, not by "after the last position that was sent": a transaction that
# commits late has a lower position than entries that were sent before. The range limits what is
# read to some batches: without it, PostgreSQL may sort all events that wait, a million perhaps.
TAKE: Final = Statement.of(
    select(
        outbox.c.subject,
        # As text, because the driver's own decoding of JSON is slower.
        cast(outbox.c.data, Text),
        outbox.c.recorded_at,
        outbox.c.traceparent,
    )
    .where(
        _IS_WAITING,
        outbox.c.position.between(_FIRST, _FIRST + _LIMIT + _LIMIT),
        select(_LEASED).exists(),
    )
    .order_by(outbox.c.position)
    .limit(_LIMIT)
)

_EVENTS: Final = bindparam("events", type_=ARRAY(Text))

_MARK_SENT: Final = Statement.of(
    update(outbox)
    .where(outbox.c.id == func.any(_EVENTS), _WITHOUT_SYNC.c.value.is_not(None))
    .values(sent_at=func.now())
)

_REJECTED = (
    func.unnest(_EVENTS, bindparam("reasons", type_=ARRAY(Text)))
    .table_valued("id", "reason")
    .render_derived(name="rejected")
)
_PARK: Final = Statement.of(
    update(outbox).where(outbox.c.id == _REJECTED.c.id).values(parked=_REJECTED.c.reason)
)

_REPUBLISH: Final = Statement.of(
    text(
        f"""
        WITH first AS MATERIALIZED ({FIRST}), unsent AS (
            UPDATE outbox SET sent_at = NULL WHERE {IN_WINDOW} AND sent_at >= :since RETURNING 1
        )
        SELECT {LAST_OF_WINDOW}, (SELECT count(*) FROM unsent) FROM first
        """  # noqa: S608 - constants
    )
)


@frozen
class SqlOutboxQueue:
    """An outbox queue in which each method is one idempotent statement."""

    _database: Database
    _is_woken: Callable[[], bool] = lambda: False
    """Whether a notification reaches this relay."""

    async def take(self, relay: str, lease: timedelta, limit: int) -> Sequence[OutboxEntry]:
        rows = await self._database.run(
            TAKE, relay=relay, lease=lease, limit=limit, is_woken=self._is_woken()
        )
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
            [(after, unsent)] = rows
            total += unsent
        return total
