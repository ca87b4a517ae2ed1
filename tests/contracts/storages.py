"""The databases on which the contract suites of the storage ports run, with the same interface."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial

from attrs import frozen
from sqlalchemy import DateTime, Interval, bindparam, update

from adapters.persistence.in_memory import (
    InMemoryAlertStore,
    InMemoryBacklogReader,
    InMemoryBooks,
    InMemoryChargeOwners,
    InMemoryDeclineCounter,
    InMemoryDifferences,
    InMemoryHistoryRoots,
    InMemoryIdempotencyStore,
    InMemoryOperatorSessions,
    InMemoryOrderHistories,
    InMemoryOrderIds,
    InMemoryOutboxQueue,
    InMemoryOutboxSignal,
    InMemoryPaymentFigures,
    InMemoryPaymentPages,
    InMemoryPaymentSearch,
    InMemoryPersonalData,
    InMemoryStreamPositions,
    InMemoryUnusableNotifications,
)
from adapters.persistence.sql.alert_store import SqlAlertStore
from adapters.persistence.sql.backlog import SqlBacklogReader
from adapters.persistence.sql.books import SqlBooks
from adapters.persistence.sql.charge_owners import SqlChargeOwners
from adapters.persistence.sql.database import Database
from adapters.persistence.sql.decline_counter import SqlDeclineCounter
from adapters.persistence.sql.differences import SqlDifferences
from adapters.persistence.sql.history_roots import SqlHistoryRoots
from adapters.persistence.sql.idempotency_store import SqlIdempotencyStore
from adapters.persistence.sql.operator_sessions import SqlOperatorSessions
from adapters.persistence.sql.order_histories import SqlOrderHistories
from adapters.persistence.sql.order_ids import SqlOrderIds
from adapters.persistence.sql.outbox_queue import SqlOutboxQueue
from adapters.persistence.sql.outbox_signal import SqlOutboxSignal
from adapters.persistence.sql.payment_figures import SqlPaymentFigures
from adapters.persistence.sql.payment_pages import SqlPaymentPages
from adapters.persistence.sql.payment_search import SqlPaymentSearch
from adapters.persistence.sql.personal_data import SqlPersonalData
from adapters.persistence.sql.statement import Statement
from adapters.persistence.sql.stream_positions import SqlStreamPositions
from adapters.persistence.sql.tables import metadata, stream_positions
from adapters.persistence.sql.unit_of_work import SqlUnitOfWork
from adapters.persistence.sql.unusable_notifications import SqlUnusableNotifications
from application.acting import current_actor
from application.ports.alerts import AlertStore
from application.ports.backlog import BacklogReader
from application.ports.books import Books
from application.ports.charge_owners import ChargeOwners
from application.ports.charge_reading import ChargeQuery
from application.ports.decline_counter import DeclineCounter
from application.ports.differences import Differences
from application.ports.event_publisher import OutboxQueue, OutboxSignal
from application.ports.gateway_notifications import ChargeNotification
from application.ports.history_roots import HistoryRoots
from application.ports.idempotency_store import IdempotencyStore
from application.ports.operator_sessions import OperatorSessions
from application.ports.order_histories import OrderHistories
from application.ports.order_ids import OrderIds
from application.ports.payment_figures import PaymentFigures
from application.ports.payment_pages import PaymentPages
from application.ports.payment_search import PaymentSearch
from application.ports.personal_data import PersonalData
from application.ports.stream_positions import StreamPositions
from application.ports.unit_of_work import BeginUnitOfWork
from application.ports.unusable_notifications import UnusableNotifications
from domain.events import Event
from domain.identifiers import OrderId
from domain.order import Order
from tests.builders import NOW, ORDER
from tests.world import World

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
"""The trace context of every unit of work in the contract suites."""

LEASE = timedelta(seconds=15)
"""The lease of a relay."""

Elapse = Callable[[timedelta], Awaitable[None]]
"""Let this much time pass, without waiting."""


@frozen
class Storage:
    """The storage adapters on one database, and what tests often do with them."""

    begin: BeginUnitOfWork
    outbox: OutboxQueue
    signal: OutboxSignal
    idempotency_store: IdempotencyStore
    declines: DeclineCounter
    books: Books
    backlog: BacklogReader
    alerts: AlertStore
    unusable: UnusableNotifications
    now: Callable[[], datetime]
    elapse: Elapse
    positions: StreamPositions
    histories: OrderHistories
    differences: Differences
    payment_pages: PaymentPages
    roots: HistoryRoots
    search: PaymentSearch
    personal_data: PersonalData
    owners: ChargeOwners
    sessions: OperatorSessions
    order_ids: OrderIds
    figures: PaymentFigures
    become_a_copy: Callable[[], Awaitable[None]]
    """Become a copy of these books, as a restored backup or a promoted standby is."""

    async def save(self, *orders: Order) -> None:
        """Write orders over what is stored."""
        work = self.begin()
        await work.orders.get_many([order.id for order in orders])
        for order in orders:
            work.orders.save(order)
        await work.commit()

    async def read(self, order_id: str = ORDER) -> Order:
        """Return a stored order."""
        order = await self.begin().orders.get(OrderId(order_id))
        assert order is not None
        return order

    async def declined(self, window: timedelta, *sources: str) -> Mapping[str, int]:
        """Return the declines of each source within the window."""
        query = ChargeQuery(ORDER, sources, window)
        return (await self.begin().read_charge(query)).declines

    async def add(self, *events: Event) -> None:
        """Add events to the outbox, in one unit of work."""
        work = self.begin()
        for event in events:
            work.outbox.add(event)
        await work.commit()

    async def unsent(self, relay: str = "relay", limit: int = 100_000) -> list[Event]:
        """Return the unsent events that this relay gets."""
        return [entry.event for entry in await self.outbox.take(relay, LEASE, limit)]

    async def defer(self, notification: ChargeNotification, since: datetime = NOW) -> None:
        """Defer a notification."""
        work = self.begin()
        work.inbox.defer(notification, since)
        await work.commit()

    async def deferred(self, before: datetime, limit: int = 10) -> list[ChargeNotification]:
        """Return the deferred notifications to process."""
        return list(await self.begin().inbox.find_deferred(before, limit))


def storage_in_memory() -> Storage:
    """Return the storage adapters on a new database in memory, with a manual clock."""
    world = World()
    database = world.database

    async def elapse(time: timedelta) -> None:
        world.time += time

    async def become_a_copy() -> None:
        database.restore(database.back_up())

    return Storage(
        begin=lambda: database.begin(lambda: TRACEPARENT, current_actor),
        outbox=InMemoryOutboxQueue(database),
        signal=InMemoryOutboxSignal.on(database),
        idempotency_store=InMemoryIdempotencyStore(database),
        declines=InMemoryDeclineCounter(database),
        books=InMemoryBooks(database),
        backlog=InMemoryBacklogReader(database),
        alerts=InMemoryAlertStore(database),
        unusable=InMemoryUnusableNotifications(database),
        now=world.now,
        elapse=elapse,
        positions=InMemoryStreamPositions(database),
        histories=InMemoryOrderHistories(database),
        differences=InMemoryDifferences(database),
        payment_pages=InMemoryPaymentPages(database),
        roots=InMemoryHistoryRoots(database),
        search=InMemoryPaymentSearch(database),
        personal_data=InMemoryPersonalData(database),
        owners=InMemoryChargeOwners(database),
        sessions=InMemoryOperatorSessions(database),
        order_ids=InMemoryOrderIds(database),
        figures=InMemoryPaymentFigures(database),
        become_a_copy=become_a_copy,
    )


def storage_on(database: Database, signal: SqlOutboxSignal | None = None) -> Storage:
    """Return the storage adapters on a PostgreSQL database; its signal, if it is needed."""
    signal = signal or SqlOutboxSignal.on("postgresql://nowhere.invalid/none", "auto")
    return Storage(
        begin=lambda: SqlUnitOfWork(database, lambda: TRACEPARENT, current_actor),
        outbox=SqlOutboxQueue(database, lambda: signal.is_listening),
        signal=signal,
        idempotency_store=SqlIdempotencyStore(database),
        declines=SqlDeclineCounter(database),
        books=SqlBooks(database),
        backlog=SqlBacklogReader(database),
        alerts=SqlAlertStore(database),
        unusable=SqlUnusableNotifications(database),
        now=lambda: datetime.now(UTC),
        elapse=_elapse_on(database),
        positions=SqlStreamPositions(database),
        histories=SqlOrderHistories(database),
        differences=SqlDifferences(database),
        payment_pages=SqlPaymentPages(database),
        roots=SqlHistoryRoots(database),
        search=SqlPaymentSearch(database, lambda: datetime.now(UTC)),
        personal_data=SqlPersonalData(database),
        owners=SqlChargeOwners(database),
        sessions=SqlOperatorSessions(database),
        order_ids=SqlOrderIds(database),
        figures=SqlPaymentFigures(database),
        become_a_copy=partial(load_again, database),
    )


def _elapse_on(database: Database) -> Elapse:
    """Return a function that moves every stored time into the past."""
    past = bindparam("past", type_=Interval)

    async def elapse(time: timedelta) -> None:
        for table in metadata.sorted_tables:
            times = [column for column in table.columns if isinstance(column.type, DateTime)]
            if times:
                earlier = update(table).values({column: column - past for column in times})
                await database.run(Statement.of(earlier), past=time)

    return elapse


async def load_again(database: Database) -> None:
    """Write every position again, as loading a dump does."""
    rewritten = update(stream_positions).values(floor=stream_positions.c.floor)
    await database.run(Statement.of(rewritten))
