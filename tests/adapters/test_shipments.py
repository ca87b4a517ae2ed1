"""`order:shipped` on real servers, in any order; and the end of an authorization."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from itertools import count

import pytest
from attrs import frozen
from nats.js import JetStreamContext

from adapters.messaging.in_memory import InMemoryPublisher
from adapters.messaging.jetstream.connection import JetStreamConnection
from adapters.messaging.jetstream.dead_letters import JetStreamDeadLetters
from adapters.messaging.jetstream.plans import ORDERS_CONSUMER, SHIPMENTS_CONSUMER, Plan, Plans
from adapters.messaging.jetstream.streams import Streams
from adapters.messaging.jetstream.subscription import JetStreamSubscription
from adapters.persistence.sql.database import Database
from adapters.persistence.sql.engine import create_engine
from adapters.persistence.sql.stream_positions import SqlStreamPositions
from application.application import Ports, UseCases, compose
from application.ports.gateways import Gateways
from application.use_cases.align_streams import AlignStreams
from application.use_cases.pay_order import PayOrder
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from entrypoints.worker.alignment import Alignment
from entrypoints.worker.intake import OrderIntake
from tests.adapters.messaging.test_permissions import until_connected
from tests.builders import ORDER, PAYER, USD
from tests.contracts.brokers import TIMEOUT, other_client
from tests.contracts.storages import Storage, storage_on
from tests.world import VISA, World

PARCEL = "warehouse.parcel-sent"


@frozen
class Service:
    """The use cases and the intakes of one worker, on a database and a broker."""

    world: World
    storage: Storage
    shop: JetStreamContext
    use_cases: UseCases
    orders: OrderIntake
    shipments: OrderIntake
    letters: JetStreamDeadLetters

    async def create(self) -> None:
        body = {"id": ORDER, "version": 0, "status": "created", "userId": PAYER}
        ticket = {"ticket": {"price": 10}, "capture": "manual"}
        await self.shop.publish("order:created", json.dumps({**body, **ticket}).encode())
        await received(self.orders)

    async def cancel(self, version: int = 1) -> None:
        body = {"id": ORDER, "version": version}
        await self.shop.publish("order:cancelled", json.dumps(body).encode())
        await received(self.orders)

    async def ship(self, version: int = 2, amount: object = None) -> None:
        body = {"id": ORDER, "version": version, "amount": amount}
        await self.shop.publish(PARCEL, json.dumps(body).encode())
        await received(self.shipments)

    async def pay(self) -> None:
        await self.use_cases.create_charge(PayOrder(ORDER, PAYER, VISA))

    async def recover(self) -> None:
        for _ in range(3):
            self.world.advance(minutes=1)
            await self.use_cases.recover_payments.run_once()

    async def payment(self) -> Payment:
        [payment] = (await self.storage.read()).payments
        return payment

    async def published(self) -> Counter[str]:
        return Counter(event.subject for event in await self.storage.unsent())


async def received(intake: OrderIntake) -> None:
    """Apply one event."""
    while not await intake.run_once():
        pass


@pytest.fixture
async def sql(database_url: str) -> AsyncIterator[Database]:
    database = Database(create_engine(database_url))
    yield database
    await database.engine.dispose()


@pytest.fixture
async def service(sql: Database, nats_url: str) -> AsyncIterator[Service]:
    numbers, world, storage = count(1), World(), storage_on(sql)
    ports = Ports(
        begin=storage.begin,
        outbox=storage.outbox,
        publisher=InMemoryPublisher(world.broker),
        gateways=Gateways.only(world.gateway),
        declines=storage.declines,
        now=world.now,
        new_id=lambda: f"id-{next(numbers)}",
        relay_name="relay",
        alerts=world.alerts,
        unusable=world.unusable,
        books=storage.books,
        differences=storage.differences,
        payment_pages=storage.payment_pages,
        histories=storage.histories,
    )
    use_cases, plans = compose(ports), Plans.on(PARCEL)
    async with other_client(nats_url) as client, JetStreamConnection(nats_url) as connection:
        streams = Streams(connection, plans)
        letters = JetStreamDeadLetters(connection, streams)

        def intake(plan: Plan, durable: str) -> OrderIntake:
            events = JetStreamSubscription(connection, streams, letters, plan, durable=durable)
            return OrderIntake(
                events,
                Alignment(AlignStreams(events, SqlStreamPositions(sql), world.alerts)),
                use_cases.replicate_order,
                use_cases.cancel_order,
                use_cases.advance_positions,
                USD,
                world.alerts,
                capture_subject=PARCEL,
            )

        await until_connected(connection)
        for plan in plans:
            await streams.ensure(plan)
        yield Service(
            world,
            storage,
            client.jetstream(timeout=TIMEOUT),
            use_cases,
            intake(plans.orders, ORDERS_CONSUMER),
            intake(plans.shipments, SHIPMENTS_CONSUMER),
            letters,
        )


@pytest.mark.parametrize(
    "steps",
    [
        ["ship", "create", "pay"],
        ["create", "ship", "pay"],
        ["create", "pay", "ship"],
        ["create", "pay", "ship", "ship"],
        ["ship", "create", "ship", "pay", "recover", "ship"],
    ],
    ids=" ".join,
)
async def test_what_is_shipped_is_captured_once_in_any_order_of_arrival(
    service: Service, steps: list[str]
) -> None:
    for step in steps:
        await getattr(service, step)()
    await service.recover()
    payment = await service.payment()
    assert (payment.status, payment.captured_amount) == (PaymentStatus.SUCCEEDED, payment.amount)
    assert await service.published() == {"payment:authorized": 1, "payment:created": 1}
    assert Counter(service.world.steps)["capture"] == 1
    assert not await service.letters.list(10)


async def test_a_part_is_captured_and_another_amount_afterwards_changes_nothing(
    service: Service,
) -> None:
    await service.create()
    await service.pay()
    await service.ship(amount=300)
    await service.recover()
    await service.ship(version=3, amount=500)
    await service.recover()
    captured = (await service.payment()).captured_amount
    assert captured is not None
    assert captured.minor_units == 300
    assert (await service.published())["payment:created"] == 1


async def test_nothing_is_captured_after_a_cancellation(service: Service) -> None:
    await service.create()
    await service.pay()
    await service.cancel()
    await service.ship()
    await service.recover()
    assert (await service.payment()).status is PaymentStatus.CANCELLED
    assert await service.published() == {"payment:authorized": 1, "payment:voided": 1}
    assert Counter(service.world.steps)["capture"] == 0


async def test_a_malformed_amount_is_a_dead_letter_that_can_be_replayed(service: Service) -> None:
    await service.create()
    await service.pay()
    await service.ship(amount=0)
    [letter] = await service.letters.list(10)
    assert (letter.subject, letter.reason.partition(":")[0]) == (PARCEL, "amount")
    await service.letters.replay(letter)
    await received(service.shipments)
    await service.recover()
    assert (await service.payment()).waits_for_capture
    assert len(await service.letters.list(10)) == 1


async def test_the_end_of_an_authorization_is_announced_once_a_day_before(
    service: Service,
) -> None:
    await service.create()
    await service.pay()
    until = (await service.payment()).authorized_until
    assert until is not None
    announced_at = None
    while service.world.now() < until:
        service.world.advance(hours=1)
        await service.use_cases.recover_payments.run_once()
        if announced_at is None and (await service.published())["payment:expiring"]:
            announced_at = service.world.now()
    assert announced_at is not None
    assert 23 <= (until - announced_at).total_seconds() / 3600 <= 24
    await service.recover()
    assert (await service.payment()).status is PaymentStatus.CANCELLED
    assert await service.published() == dict.fromkeys(
        ("payment:authorized", "payment:expiring", "payment:voided"), 1
    )
