"""The changes of one unit of work on PostgreSQL, as rows, and what collects them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Final, TypeVar

from attrs import define, field, frozen
from sqlalchemy import Table

from adapters.persistence.sql import statements
from adapters.persistence.sql.database import Database
from adapters.persistence.sql.mappers.events import event_row
from adapters.persistence.sql.mappers.notifications import notification_from, notification_row
from adapters.persistence.sql.mappers.orders import (
    StoredOrder,
    dispute_row,
    history_row,
    order_row,
    refund_row,
)
from adapters.persistence.sql.mappers.payments import payment_row
from adapters.persistence.sql.mappers.values import Values
from adapters.persistence.sql.requests import SqlRequests
from adapters.persistence.sql.tables import (
    deferred_notifications,
    disputes,
    inbox,
    order_history,
    orders,
    outbox,
    payments,
    refunds,
    stream_positions,
)
from application.ports.gateway_notifications import ChargeNotification
from application.ports.stream_positions import EventPosition
from domain.actor import Actor
from domain.dispute import Dispute
from domain.events import Event, EventId
from domain.history import HistoryHead, record
from domain.identifiers import OrderId
from domain.order import Order
from domain.payment import Payment
from domain.refund import Refund

# The revision, the state and the end of the history of an order that was not read.
_NEW: Final = (0, None, None)

Part = TypeVar("Part", Payment, Refund, Dispute)


@define
class Changes:
    """What a unit of work writes at its commit."""

    orders: dict[OrderId, Order] = field(factory=dict)
    heads: dict[OrderId, HistoryHead | None] = field(factory=dict)
    """Where the histories of these orders end after the commit."""
    events: dict[EventId, Event] = field(factory=dict)
    notifications: set[str] = field(factory=set)
    deferred: dict[str, Values] = field(factory=dict)
    removed: set[str] = field(factory=set)
    positions: dict[tuple[str, str], EventPosition] = field(factory=dict)
    requests: SqlRequests = field(factory=SqlRequests)

    def rows(
        self,
        read: Mapping[OrderId, StoredOrder],
        ends: Mapping[OrderId, HistoryHead],
        actor: Actor,
        now: datetime,
        traceparent: Callable[[], str | None],
    ) -> dict[Table, list[Values]]:
        """Return the rows to write: of an order, its own row and the parts that have changed."""
        rows: dict[Table, list[Values]] = {}
        # Sorted by id, so that two commits that lock the same rows cannot deadlock.
        for order_id, order in sorted(self.orders.items()):
            revision, before, head = read.get(order_id, _NEW)
            end = ends.get(order_id)
            if end is not None and (head is None or head.seq < end.seq):
                head = end
            recorded = record(before, order, head, revision, actor, now)
            self.heads[order_id] = recorded.head
            rows.setdefault(orders, []).append(
                order_row(order.replica, revision + 1, recorded.head)
            )
            for entry in recorded.entries:
                rows.setdefault(order_history, []).append(history_row(order_id, entry))
            _add_parts(rows, before or Order(order.replica), order)
        if self.events:
            parent = traceparent()
            rows[outbox] = [(*event_row(event), parent) for event in self.events.values()]
        if self.notifications:
            rows[inbox] = [(notification_id,) for notification_id in sorted(self.notifications)]
        if self.deferred:
            rows[deferred_notifications] = [row for _, row in sorted(self.deferred.items())]
        if self.positions:
            rows[stream_positions] = [
                (*key, position.sequence, position.stored_at)
                for key, position in sorted(self.positions.items())
            ]
        return rows


def _add_parts(rows: dict[Table, list[Values]], before: Order, order: Order) -> None:
    changed = _changed(before.payments, order.payments)
    if len(changed) > 1:
        # A unique index allows one live payment of an order, so a payment that is no longer
        # live is written before a new one.
        changed.sort(key=lambda each: each.is_live)
    for payment in changed:
        rows.setdefault(payments, []).append(payment_row(payment))
    for refund in _changed(before.refunds, order.refunds):
        rows.setdefault(refunds, []).append(refund_row(refund))
    for dispute in _changed(before.disputes, order.disputes):
        rows.setdefault(disputes, []).append(dispute_row(dispute))


def _changed(before: Collection[Part], after: Collection[Part]) -> list[Part]:
    return [] if before is after else [each for each in after if each not in before]


@frozen
class Outbox:
    """Collects the events to publish."""

    _changes: Changes

    def add(self, event: Event) -> None:
        self._changes.events[event.id] = event


@frozen
class Inbox:
    """Finds and collects notifications."""

    _database: Database
    _changes: Changes

    async def has(self, notification_id: str) -> bool:
        return bool(await self._database.run(statements.RECEIVED, notification_id=notification_id))

    def add(self, notification_id: str) -> None:
        self._changes.notifications.add(notification_id)

    def defer(self, notification: ChargeNotification, since: datetime) -> None:
        self._changes.deferred.setdefault(notification.id, notification_row(notification, since))

    async def find_deferred(self, before: datetime, limit: int) -> Sequence[ChargeNotification]:
        rows = await self._database.run(statements.DEFERRED, before=before, limit=limit)
        return [notification_from(*row) for row in rows]

    def remove_deferred(self, notification_id: str) -> None:
        self._changes.removed.add(notification_id)


@frozen
class Positions:
    """Collects how far streams are applied."""

    _changes: Changes

    def advance(self, position: EventPosition) -> None:
        key = position.stream, position.consumer
        latest = self._changes.positions.setdefault(key, position)
        if position.sequence > latest.sequence:
            self._changes.positions[key] = position
