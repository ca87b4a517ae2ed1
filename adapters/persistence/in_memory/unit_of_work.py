"""The unit of work in memory."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime

from attrs import define, evolve, field, frozen

from adapters.persistence.in_memory import searching
from adapters.persistence.in_memory.changes import Changes
from adapters.persistence.in_memory.requests import InMemoryRequests, known_request
from adapters.persistence.in_memory.tables import InMemoryTables, OutboxRecord
from application.ports.charge_reading import ChargeQuery, ChargeReading
from application.ports.event_publisher import OutboxEntry
from application.ports.gateway_notifications import ChargeNotification
from application.ports.stream_positions import EventPosition
from application.ports.unit_of_work import Conflict, StorageUnavailable
from domain.actor import Actor
from domain.events import Event
from domain.history import record
from domain.identifiers import ChargeId, OrderId, PaymentId
from domain.order import Order
from domain.payment import Payment


@define
class InMemoryUnitOfWork:
    """Records the revision of every order it reads; the commit checks that none has changed."""

    _database: InMemoryTables
    _traceparent: Callable[[], str | None]
    _actor: Callable[[], Actor]
    _restored: int
    """How often the database was restored before this unit of work began."""
    _read: dict[OrderId, tuple[int, Order | None]] = field(factory=dict)
    _continues: bool = False
    _changes: Changes | None = None
    """None as long as there are none: most units of work only read."""

    @property
    def changes(self) -> Changes:
        """What the commit writes."""
        if self._changes is None:
            self._changes = Changes(InMemoryRequests(self._database))
        return self._changes

    @property
    def orders(self) -> "_Orders":
        return _Orders(self)

    @property
    def outbox(self) -> "_Outbox":
        return _Outbox(self)

    @property
    def inbox(self) -> "_Inbox":
        return _Inbox(self)

    @property
    def requests(self) -> InMemoryRequests:
        return self.changes.requests

    @property
    def positions(self) -> "_Positions":
        return _Positions(self)

    async def read_charge(self, query: ChargeQuery) -> ChargeReading:
        database = self._database
        await database.checkpoint("read charge")
        return ChargeReading(
            _Orders(self).record([query.order_id]).get(query.order_id),
            searching.declines_of(database, query),
            known_request(database, query.key),
        )

    def continued(self) -> "InMemoryUnitOfWork":
        written = {
            order_id: (self._revision(order_id) + 1, order)
            for order_id, order in self.changes.orders.items()
        }
        sources = self._traceparent, self._actor
        return InMemoryUnitOfWork(
            self._database, *sources, self._restored, self._read | written, continues=True
        )

    async def commit(self) -> None:
        changes = self._changes
        if not changes:
            return
        await self._database.checkpoint("commit")
        if self._restored != self._database.restored:
            if self._continues:
                raise Conflict("the first commit may be lost")
            raise StorageUnavailable("the connection was lost")  # what was read is no guard now
        self._check(changes)
        self._write(changes)
        await self._database.checkpoint("committed")

    def _check(self, changes: Changes) -> None:
        for order_id in changes.orders:
            revision, _ = self._database.orders.get(order_id, (0, None))
            if revision != self._revision(order_id):
                raise Conflict(order_id)
            self._check_live(changes.orders[order_id])
        if not self._database.inbox.isdisjoint(changes.notifications):
            raise Conflict("inbox")
        for position in changes.positions:
            copy, _ = self._database.positions.get((position.stream, position.consumer), (0, None))
            if copy != self._database.copy:
                raise Conflict("position")
        changes.requests.check()

    def _check_live(self, order: Order) -> None:
        """Refuse a second live payment, as a unique index of the SQL adapter does."""
        if sum(payment.is_live for payment in order.payments) > 1:
            raise Conflict(f"{order.id} has two live payments")

    def _revision(self, order_id: OrderId) -> int:
        """Return the revision of an order that was read, 0 if it did not exist."""
        return self._read.get(order_id, (0, None))[0]

    def _write(self, changes: Changes) -> None:
        database = self._database
        for order_id, order in changes.orders.items():
            self._append_history(order)
            database.orders[order_id] = (self._revision(order_id) + 1, order)
            database.order_of.update({payment.id: order_id for payment in order.payments})
        for event in changes.events:
            entry = OutboxEntry(event, database.now(), self._traceparent())
            database.outbox.setdefault(event.id, OutboxRecord(entry))
        if changes.events:
            database.signal_events()
        database.inbox.update(changes.notifications)
        database.deferred_notifications = changes.deferred | database.deferred_notifications
        for notification_id in changes.removed:
            database.deferred_notifications.pop(notification_id, None)
        for position in changes.positions:
            self._advance(position)
        changes.requests.write()

    def _append_history(self, order: Order) -> None:
        """Record the change in the history, before the order is replaced."""
        database = self._database
        revision, before = database.orders.get(order.id, (0, None))
        head = database.history_heads.get(order.id)
        recorded = record(before, order, head, revision, self._actor(), database.now())
        if recorded.head is not None:
            database.history_heads[order.id] = recorded.head
        known = database.histories.get(order.id, ())
        database.histories[order.id] = (*known, *recorded.entries)

    def _advance(self, position: EventPosition) -> None:
        key = position.stream, position.consumer
        copy, stored = self._database.positions[key]
        if position.sequence > stored.applied:
            later = evolve(stored, applied=position.sequence, applied_at=position.stored_at)
            self._database.positions[key] = copy, later


@frozen
class _Orders:
    _work: InMemoryUnitOfWork

    async def get(self, order_id: OrderId) -> Order | None:
        if self._work._continues and order_id in self._work._read:
            return self._work._read[order_id][1]
        return (await self.get_many([order_id])).get(order_id)

    async def get_many(self, order_ids: Collection[OrderId]) -> Mapping[OrderId, Order]:
        await self._work._database.checkpoint("read orders")
        return self.record(order_ids)

    def record(self, order_ids: Iterable[OrderId]) -> Mapping[OrderId, Order]:
        """Return these orders, and remember that they were read."""
        stored = self._work._database.orders
        read = {order_id: stored.get(order_id, (0, None)) for order_id in order_ids}
        self._work._read.update(read)
        return {order_id: order for order_id, (_, order) in read.items() if order is not None}

    async def find_by_payment(self, payment_id: PaymentId) -> Order | None:
        for _, order in self._work._read.values() if self._work._continues else ():
            if order is not None and any(each.id == payment_id for each in order.payments):
                return order
        database = self._work._database
        await database.checkpoint("read orders")
        # Found and read at one moment, as by the one statement in SQL.
        order_id = database.order_of.get(payment_id)
        found = self.record([] if order_id is None else [order_id])
        return next(iter(found.values()), None)

    async def find_by_charge(self, charge_id: ChargeId) -> Order | None:
        database = self._work._database
        await database.checkpoint("read orders")
        found = self.record(searching.orders_with_charge(database, charge_id)[:1])
        return next(iter(found.values()), None)

    async def find_payments(
        self, payment_ids: Collection[PaymentId]
    ) -> Mapping[PaymentId, Payment]:
        database = self._work._database
        await database.checkpoint("read payments")
        return searching.payments_of(database, payment_ids)

    async def find_due(self, now: datetime, limit: int) -> Sequence[OrderId]:
        database = self._work._database
        await database.checkpoint("read due orders")
        return searching.due_orders(database, now)[:limit]

    def save(self, order: Order) -> None:
        self._work.changes.orders[order.id] = order


@frozen
class _Outbox:
    _work: InMemoryUnitOfWork

    def add(self, event: Event) -> None:
        self._work.changes.events.append(event)


@frozen
class _Inbox:
    _work: InMemoryUnitOfWork

    async def has(self, notification_id: str) -> bool:
        await self._work._database.checkpoint("read inbox")
        return notification_id in self._work._database.inbox

    def add(self, notification_id: str) -> None:
        self._work.changes.notifications.append(notification_id)

    def defer(self, notification: ChargeNotification, since: datetime) -> None:
        self._work.changes.deferred.setdefault(notification.id, (since, notification))

    async def find_deferred(self, before: datetime, limit: int) -> Sequence[ChargeNotification]:
        database = self._work._database
        await database.checkpoint("read deferred notifications")
        return searching.deferred_notifications(database, before)[:limit]

    def remove_deferred(self, notification_id: str) -> None:
        self._work.changes.removed.append(notification_id)


@frozen
class _Positions:
    _work: InMemoryUnitOfWork

    def advance(self, position: EventPosition) -> None:
        self._work.changes.positions.append(position)
