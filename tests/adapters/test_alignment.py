"""Order events on real servers, when the books are older than what was acknowledged."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import pytest
from attrs import frozen
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, DeliverPolicy
from sqlalchemy import text

from adapters.clock import utc_now
from adapters.messaging.jetstream.connection import JetStreamConnection
from adapters.messaging.jetstream.dead_letters import JetStreamDeadLetters
from adapters.messaging.jetstream.plans import ORDERS
from adapters.messaging.jetstream.streams import Streams
from adapters.messaging.jetstream.subscription import JetStreamSubscription
from adapters.persistence.sql.database import Database
from adapters.persistence.sql.engine import create_engine
from adapters.persistence.sql.statement import Statement
from adapters.persistence.sql.stream_positions import SqlStreamPositions
from adapters.persistence.sql.unit_of_work import SqlUnitOfWork
from application.ports.alerts import AlertKind
from application.ports.event_publisher import BrokerUnavailable
from application.ports.unit_of_work import StorageUnavailable
from application.retry import RetryOnConflict
from application.use_cases.advance_positions import AdvancePositions
from application.use_cases.align_streams import AlignStreams
from application.use_cases.cancel_order import CancelOrder
from application.use_cases.replicate_order import ReplicateOrder
from domain.identifiers import OrderId
from domain.replica import OrderStatus
from entrypoints.worker.alignment import Alignment
from entrypoints.worker.intake import OrderIntake
from payments_kit.servers.postgres import LocalPostgres
from tests.builders import USD
from tests.contracts.brokers import other_client
from tests.world import World

# Every wait has a limit; on a quiet machine these take milliseconds.
TIMEOUT = 60.0

# The orders and the positions of an earlier moment, in rows that look current.
FORGET = Statement.of(
    text(
        """
        WITH forgotten AS (DELETE FROM orders WHERE id <> 'order-1')
        UPDATE stream_positions
        SET applied = 1, floor = 1, written_by = pg_current_xact_id()::xid::text
        """
    )
)

CREATED, CANCELLED = OrderStatus.CREATED, OrderStatus.CANCELLED


@frozen
class Worker:
    """The intake of one worker process, on a database and a broker."""

    database: Database
    connection: JetStreamConnection
    events: JetStreamSubscription
    intake: OrderIntake
    alerts: World

    @classmethod
    def on(cls, database_url: str, connection: JetStreamConnection) -> "Worker":
        """Start one."""
        database, streams = Database(create_engine(database_url, 2)), Streams(connection)
        letters = JetStreamDeadLetters(connection, streams)
        events = JetStreamSubscription(connection, streams, letters, ORDERS, durable="payments")
        retry = RetryOnConflict(lambda: SqlUnitOfWork(database))
        replicate, alerts = ReplicateOrder(retry, utc_now), World()
        align = AlignStreams(events, SqlStreamPositions(database), alerts.alerts)
        intake = OrderIntake(
            *(events, Alignment(align), replicate, CancelOrder(replicate)),
            *(AdvancePositions(retry), USD, alerts.alerts),
        )
        return cls(database, connection, events, intake, alerts)

    async def run_until_idle(self) -> int:
        """Handle events until none is left; return how many arrived."""
        arrived = 0
        async with asyncio.timeout(TIMEOUT):
            while True:
                try:
                    count = await self.intake.run_once()
                    is_idle = await self._is_idle()
                except BrokerUnavailable:  # another worker has set the subscription back
                    await asyncio.sleep(0.1)
                    continue
                except StorageUnavailable:  # the server is restarting
                    await asyncio.sleep(0.1)
                    continue
                arrived += count
                if is_idle and not count:
                    return arrived

    async def _is_idle(self) -> bool:
        [progress] = await self.events.progress()
        return not progress.waiting

    async def orders(self) -> dict[str, OrderStatus]:
        """Return the status of each order."""
        ids = [OrderId(f"order-{number}") for number in range(1, 10)]
        found = await SqlUnitOfWork(self.database).orders.get_many(ids)
        return {order_id: order.replica.status for order_id, order in found.items()}

    async def is_alerted(self) -> bool:
        """Whether it was reported that the books are behind."""
        current = await self.alerts.alerts.list_current()
        return AlertKind.BOOKS_BEHIND in {alert.kind for alert in current}

    async def close(self) -> None:
        await self.database.engine.dispose()


@pytest.fixture
def empty_books(postgres_server: LocalPostgres, migrated_template: str) -> Iterator[str]:
    """A second database with our schema and no rows."""
    yield postgres_server.create_database("empty_books", template=migrated_template)
    postgres_server.drop_database("empty_books")


@pytest.fixture
async def connection(nats_url: str) -> AsyncIterator[JetStreamConnection]:
    async with JetStreamConnection(nats_url) as connection:
        yield connection


@pytest.fixture
async def worker(database_url: str, connection: JetStreamConnection) -> AsyncIterator[Worker]:
    worker = Worker.on(database_url, connection)
    await worker.run_until_idle()  # creates the stream
    yield worker
    await worker.close()


@pytest.fixture
async def shop(nats_url: str, worker: Worker) -> AsyncIterator[JetStreamContext]:
    async with other_client(nats_url) as client:
        yield client.jetstream(timeout=TIMEOUT)


async def create(shop: JetStreamContext, *numbers: int) -> None:
    for number in numbers:
        body = {"id": f"order-{number}", "version": 0, "status": "created", "userId": "user"}
        await shop.publish("order:created", json.dumps({**body, "ticket": {"price": 10}}).encode())


async def cancel(shop: JetStreamContext, number: int) -> None:
    body = {"id": f"order-{number}", "version": 1}
    await shop.publish("order:cancelled", json.dumps(body).encode())


async def test_orders_and_cancellations_acknowledged_after_the_backup_return_when_it_is_restored(
    postgres_server: LocalPostgres,
    database_url: str,
    connection: JetStreamConnection,
    worker: Worker,
    shop: JetStreamContext,
) -> None:
    await create(shop, 1)
    await worker.run_until_idle()
    await worker.close()
    name = urlsplit(database_url).path.removeprefix("/")
    backup = postgres_server.create_database(f"{name}_backup", template=name)
    await create(shop, 2)
    await cancel(shop, 1)
    await shop.publish("order:created", b"malformed")
    await worker.run_until_idle()
    await worker.close()

    restored = Worker.on(backup, connection)
    await create(shop, 3)
    await restored.run_until_idle()
    assert await restored.orders() == {
        "order-1": CANCELLED,
        "order-2": CREATED,
        "order-3": CREATED,
    }
    assert await restored.is_alerted()
    assert len(await restored.events._letters.list(10)) == 1
    await restored.close()


async def test_a_database_without_positions_reads_the_stream_from_its_beginning(
    connection: JetStreamConnection, worker: Worker, shop: JetStreamContext, empty_books: str
) -> None:
    await create(shop, 1)
    await cancel(shop, 2)
    await worker.run_until_idle()
    fresh = Worker.on(empty_books, connection)
    await fresh.run_until_idle()
    assert await fresh.orders() == {"order-1": CREATED, "order-2": CANCELLED}
    await fresh.close()


async def test_a_restart_of_the_database_repeats_what_is_not_settled_and_nobody_is_alerted(
    postgres_server: LocalPostgres, worker: Worker, shop: JetStreamContext
) -> None:
    await create(shop, 1)
    await worker.run_until_idle()
    await asyncio.to_thread(postgres_server.restart)
    await create(shop, 2)
    await worker.run_until_idle()
    assert await worker.orders() == {"order-1": CREATED, "order-2": CREATED}
    assert not await worker.is_alerted()


async def test_workers_that_find_older_books_at_once_agree(
    database_url: str, connection: JetStreamConnection, worker: Worker, shop: JetStreamContext
) -> None:
    await create(shop, 1, 2, 3)
    await worker.run_until_idle()
    await worker.database.run(FORGET)
    workers = [Worker.on(database_url, connection) for _ in range(3)]
    await cancel(shop, 1)
    await asyncio.gather(*(each.run_until_idle() for each in workers))
    assert await worker.orders() == {
        "order-1": CANCELLED,
        "order-2": CREATED,
        "order-3": CREATED,
    }
    assert any([await each.is_alerted() for each in workers])
    for each in workers:
        await each.close()


async def test_a_stream_that_was_created_again_is_read_from_its_beginning(
    worker: Worker, shop: JetStreamContext
) -> None:
    await create(shop, 1, 2, 3)
    await worker.run_until_idle()
    await shop.delete_stream("ORDERS")
    await worker.run_until_idle()
    await create(shop, 4)
    await worker.run_until_idle()
    assert (await worker.orders())["order-4"] is CREATED
    assert not await worker.is_alerted()


async def test_other_messages_of_a_shared_stream_are_never_missing(
    connection: JetStreamConnection, database_url: str, nats_url: str
) -> None:
    async with other_client(nats_url) as client:
        shop = client.jetstream(timeout=TIMEOUT)
        await shop.add_stream(name="SHOP", subjects=["*"])
        worker = Worker.on(database_url, connection)
        for number in range(1, 4):
            await create(shop, number)
            await shop.publish("ticket:created", b"")
            await worker.run_until_idle()
        consumer = await shop.consumer_info("SHOP", "payments")
        assert consumer.delivered.consumer_seq == 3, "no event was delivered twice"
        assert not await worker.is_alerted()
        await worker.close()


async def test_a_consumer_that_began_later_by_choice_is_never_set_back_before_that(
    connection: JetStreamConnection,
    database_url: str,
    empty_books: str,
    worker: Worker,
    shop: JetStreamContext,
) -> None:
    await create(shop, 1, 2)
    await shop.delete_consumer("ORDERS", "payments")
    config = ConsumerConfig(
        durable_name="payments",
        filter_subjects=list(ORDERS.subjects),
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=2,
    )
    await shop.add_consumer("ORDERS", config)
    for url in (empty_books, empty_books):
        other = Worker.on(url, connection)
        await other.run_until_idle()
        assert await other.orders() == {"order-2": CREATED}
        await other.close()
