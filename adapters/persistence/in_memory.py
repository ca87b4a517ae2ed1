"""The books in memory: the reference of what a unit of work, an outbox and their kin promise."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta

from attrs import define, evolve, field, frozen

from application.ports.clock import Clock
from application.ports.event_publisher import OutboxEntry
from application.ports.gateway_notifications import ChargeNotification
from application.ports.idempotency_store import (
    IdempotencyKeyReused,
    RequestInProgress,
    RequestKey,
    StoredReply,
)
from application.ports.unit_of_work import Conflict
from domain.events import Event, EventId
from domain.identifiers import ChargeId, OrderId, PaymentId
from domain.order import Order

Checkpoint = Callable[[str], Awaitable[None]]
"""Awaited before and after everything that would be a round trip, and told what it is. Whoever
passes one may let time go by there, or raise what the real database would."""


async def no_delay(_step: str) -> None:
    """Go on at once."""


@frozen
class _Record:
    """An outbox entry and what became of it."""

    entry: OutboxEntry
    sent: bool = False
    parked: str | None = None


@frozen
class _Remembered:
    """A request with an idempotency key, and its answer once there is one."""

    fingerprint: str
    begun_at: datetime
    lease_ends: datetime
    answer: StoredReply | None = None


@define
class InMemoryDatabase:
    """What survives a crash of those who use it. Entities are frozen, so a read is a snapshot."""

    now: Clock
    checkpoint: Checkpoint = no_delay
    orders: dict[OrderId, tuple[int, Order]] = field(factory=dict)
    """Each bill with its revision: how often it has been written."""
    order_of: dict[PaymentId, OrderId] = field(factory=dict)
    outbox: dict[EventId, _Record] = field(factory=dict)
    inbox: set[str] = field(factory=set)
    kept: dict[str, tuple[datetime, ChargeNotification]] = field(factory=dict)
    """Each notice whose charge we did not know, with the moment since when it is kept."""
    relay: tuple[str, datetime] | None = None
    remembered: dict[RequestKey, _Remembered] = field(factory=dict)
    declines: dict[str, list[datetime]] = field(factory=lambda: defaultdict(list))

    def begin(self, trace: Callable[[], str | None] = lambda: None) -> "InMemoryUnitOfWork":
        """Begin a unit of work; `trace` says what the events it adds are caused by."""
        return InMemoryUnitOfWork(self, trace)


@define
class InMemoryUnitOfWork:
    """Remembers the revision of everything it reads, and commits against these."""

    _database: InMemoryDatabase
    _trace: Callable[[], str | None]
    _read: dict[OrderId, int] = field(factory=dict)
    _saved: dict[OrderId, Order] = field(factory=dict)
    _events: list[Event] = field(factory=list)
    _notifications: list[str] = field(factory=list)
    _kept: dict[str, tuple[datetime, ChargeNotification]] = field(factory=dict)
    _forgotten: list[str] = field(factory=list)

    @property
    def orders(self) -> "_Orders":
        """Orders with their payments and refunds."""
        return _Orders(self)

    @property
    def outbox(self) -> "_Outbox":
        """Events to publish."""
        return _Outbox(self)

    @property
    def inbox(self) -> "_Inbox":
        """Notices heard, and notices kept."""
        return _Inbox(self)

    async def commit(self) -> None:
        """Write everything at once, if nothing that was read has changed."""
        if not (
            self._saved or self._events or self._notifications or self._kept or self._forgotten
        ):
            return
        database = self._database
        await database.checkpoint("commit")
        for order_id in self._saved:
            revision, _ = database.orders.get(order_id, (0, None))
            if revision != self._read.get(order_id, 0):
                raise Conflict(order_id)
        if not database.inbox.isdisjoint(self._notifications):
            raise Conflict("inbox")
        for order_id, order in self._saved.items():
            database.orders[order_id] = (self._read.get(order_id, 0) + 1, order)
            database.order_of.update({payment.id: order_id for payment in order.payments})
        for event in self._events:
            entry = OutboxEntry(event, database.now(), self._trace())
            database.outbox.setdefault(event.id, _Record(entry))
        database.inbox.update(self._notifications)
        database.kept = self._kept | database.kept
        for notification_id in self._forgotten:
            database.kept.pop(notification_id, None)
        await database.checkpoint("committed")


@frozen
class _Orders:
    _work: InMemoryUnitOfWork

    async def get(self, order_id: OrderId) -> Order | None:
        return (await self.get_many([order_id])).get(order_id)

    async def get_many(self, order_ids: Collection[OrderId]) -> Mapping[OrderId, Order]:
        await self._work._database.checkpoint("read orders")
        found = {}
        for order_id in order_ids:
            revision, order = self._work._database.orders.get(order_id, (0, None))
            self._work._read[order_id] = revision
            if order is not None:
                found[order_id] = order
        return found

    async def find_by_payment(self, payment_id: PaymentId) -> Order | None:
        order_id = self._work._database.order_of.get(payment_id)
        found = await self.get_many([] if order_id is None else [order_id])
        return next(iter(found.values()), None)

    async def find_by_charge(self, charge_id: ChargeId) -> Order | None:
        charged = [
            order_id
            for order_id, (_, order) in self._work._database.orders.items()
            if any(payment.charge_id == charge_id for payment in order.payments)
        ]
        found = await self.get_many(charged[:1])
        return next(iter(found.values()), None)

    async def find_due(self, now: datetime, limit: int) -> Sequence[OrderId]:
        await self._work._database.checkpoint("read due bills")
        looks = {
            order_id: min(due)
            for order_id, (_, order) in self._work._database.orders.items()
            if (due := [at for at in _looks(order) if at <= now])
        }
        return sorted(looks, key=lambda order_id: (looks[order_id], order_id))[:limit]

    def save(self, order: Order) -> None:
        self._work._saved[order.id] = order


def _looks(order: Order) -> list[datetime]:
    looks = [payment.next_check_at for payment in order.payments]
    looks += [refund.next_check_at for refund in order.refunds]
    return [look for look in looks if look is not None]


@frozen
class _Outbox:
    _work: InMemoryUnitOfWork

    def add(self, event: Event) -> None:
        self._work._events.append(event)


@frozen
class _Inbox:
    _work: InMemoryUnitOfWork

    async def has(self, notification_id: str) -> bool:
        await self._work._database.checkpoint("read inbox")
        return notification_id in self._work._database.inbox

    def add(self, notification_id: str) -> None:
        self._work._notifications.append(notification_id)

    def defer(self, notification: ChargeNotification, since: datetime) -> None:
        self._work._kept.setdefault(notification.id, (since, notification))

    async def find_deferred(self, before: datetime, limit: int) -> Sequence[ChargeNotification]:
        database = self._work._database
        await database.checkpoint("read kept notices")
        charges = {
            payment.charge_id for _, order in database.orders.values() for payment in order.payments
        }
        waited = [
            (since, notification_id)
            for notification_id, (since, notification) in database.kept.items()
            if since < before or notification.charge_id in charges
        ]
        return [database.kept[notification_id][1] for _, notification_id in sorted(waited)[:limit]]

    def remove_deferred(self, notification_id: str) -> None:
        self._work._forgotten.append(notification_id)


@frozen
class InMemoryOutboxQueue:
    """The unsent part of the outbox, in the order of the commits."""

    _database: InMemoryDatabase

    async def take(self, relay: str, lease: timedelta, limit: int) -> Sequence[OutboxEntry]:
        """The longest waiting entries, if the lease is free or ours; renews it."""
        database = self._database
        await database.checkpoint("take from outbox")
        now = database.now()
        if database.relay is not None and database.relay[0] != relay and database.relay[1] > now:
            return []
        database.relay = (relay, now + lease)
        waiting = [
            each.entry for each in database.outbox.values() if not each.sent and each.parked is None
        ]
        return waiting[:limit]

    async def mark_sent(self, events: Collection[EventId]) -> None:
        """The broker has stored these."""
        await self._database.checkpoint("mark sent")
        for event_id in self._database.outbox.keys() & set(events):
            record = self._database.outbox[event_id]
            self._database.outbox[event_id] = evolve(record, sent=True)

    async def park(self, refused: Mapping[EventId, str]) -> None:
        """Set these aside with the reason."""
        await self._database.checkpoint("park")
        for event_id in self._database.outbox.keys() & refused.keys():
            record = self._database.outbox[event_id]
            self._database.outbox[event_id] = evolve(record, parked=refused[event_id])


@frozen
class InMemoryIdempotencyStore:
    """Answers by idempotency key."""

    _database: InMemoryDatabase

    async def begin(
        self, key: RequestKey, fingerprint: str, lease: timedelta
    ) -> StoredReply | None:
        """The answer to give again, or None to go ahead."""
        await self._database.checkpoint("begin answer")
        now = self._database.now()
        first = self._database.remembered.get(key)
        if first is not None and first.fingerprint != fingerprint:
            raise IdempotencyKeyReused
        if first is not None and first.answer is not None:
            return first.answer
        if first is not None and first.lease_ends > now:
            raise RequestInProgress
        self._database.remembered[key] = _Remembered(fingerprint, now, now + lease)
        return None

    async def finish(self, key: RequestKey, answer: StoredReply) -> None:
        """Keep the answer."""
        await self._database.checkpoint("finish answer")
        first = self._database.remembered.get(key)
        if first is not None and first.answer is None:
            self._database.remembered[key] = evolve(first, answer=answer)

    async def release(self, key: RequestKey) -> None:
        """Forget the key."""
        await self._database.checkpoint("release answer")
        first = self._database.remembered.get(key)
        if first is not None and first.answer is None:
            del self._database.remembered[key]

    async def delete_older_than(self, age: timedelta) -> int:
        """Forget keys older than that; how many."""
        await self._database.checkpoint("forget answers")
        oldest = self._database.now() - age
        old = [key for key, each in self._database.remembered.items() if each.begun_at < oldest]
        for key in old:
            del self._database.remembered[key]
        return len(old)


@frozen
class InMemoryDeclineCounter:
    """Declines by source."""

    _database: InMemoryDatabase

    async def count(self, sources: Collection[str], window: timedelta) -> Mapping[str, int]:
        """How many declines each source had within the window."""
        await self._database.checkpoint("count declines")
        since = self._database.now() - window
        return {
            source: sum(at > since for at in self._database.declines.get(source, ()))
            for source in sources
        }

    async def add(self, sources: Collection[str]) -> None:
        """One more decline for each of these."""
        await self._database.checkpoint("add declines")
        for source in sources:
            self._database.declines[source].append(self._database.now())
