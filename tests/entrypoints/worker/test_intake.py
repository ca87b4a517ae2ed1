"""The intake of order events, on the adapters in memory."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import pytest
from attrs import define, field

from adapters.messaging.in_memory import InMemoryBroker, InMemoryDeadLetters
from adapters.messaging.wire import Message
from adapters.persistence.in_memory import InMemoryDatabase
from application.ports.event_publisher import BrokerUnavailable
from application.ports.inbound_events import DeadLetter, InboundEvent
from application.ports.unit_of_work import StorageUnavailable
from application.retry import RetryOnConflict
from application.use_cases.cancel_order import CancelOrder
from application.use_cases.complete_order import CompleteOrder
from application.use_cases.replicate_order import ReplicateOrder
from domain.identifiers import OrderId
from domain.replica import OrderReplica, OrderStatus
from entrypoints.worker.intake import (
    BATCH,
    DELAYS,
    MAX_DELIVERIES,
    STORAGE_DELAY,
    OrderIntake,
    PaymentCreatedIntake,
    Use,
)
from tests.builders import NOW, USD


@define
class Shop:
    """A broker and a database in memory on one clock, and what to make fail."""

    time: datetime = NOW
    commits: int = 0
    storage_is_down: bool = False
    malformed: set[str] = field(factory=set)
    """Orders that make every transaction fail which they are part of."""
    steps_that_fail: set[str] = field(factory=set)
    broker: InMemoryBroker = field(init=False)
    database: InMemoryDatabase = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.broker = InMemoryBroker(self.now, self._at_the_broker)
        self.database = InMemoryDatabase(self.now, self._at_the_database)

    def now(self) -> datetime:
        return self.time

    def let_pass(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    @property
    def intake(self) -> OrderIntake:
        retry = RetryOnConflict(self.database.begin)
        replicate = ReplicateOrder(retry, self.now)
        events = self.broker.subscribe("payments", "order:created", "order:cancelled")
        return OrderIntake(events, self._with_a_bug(replicate), CancelOrder(replicate), USD)

    @property
    def completion(self) -> PaymentCreatedIntake:
        events = self.broker.subscribe("payments-complete", "payment:created")
        return PaymentCreatedIntake(events, CompleteOrder(RetryOnConflict(self.database.begin)))

    def send(self, subject: str, body: object) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.broker.store(Message(subject, data, {}))

    def create(self, order_id: str, **others: object) -> None:
        body = {
            "id": order_id,
            "version": 0,
            "status": "created",
            "userId": "user-1",
            "expiresAt": "alskdfj",
            "ticket": {"id": "ticket-1", "price": 10},
        }
        self.send("order:created", {**body, **others})

    def cancel(self, order_id: str) -> None:
        body = {"id": order_id, "version": 1, "ticket": {"id": "ticket-1"}}
        self.send("order:cancelled", body)

    def order(self, order_id: str) -> OrderReplica | None:
        _, order = self.database.orders.get(OrderId(order_id), (0, None))
        return order.replica if order else None

    def status(self, order_id: str) -> OrderStatus | None:
        order = self.replica(order_id)
        return order.status if order else None

    async def letters(self) -> Sequence[DeadLetter]:
        return await InMemoryDeadLetters(self.broker).list(100)

    def _with_a_bug(self, replicate: ReplicateOrder) -> Use[OrderReplica]:
        async def use(orders: Iterable[OrderReplica]) -> None:
            heard = list(orders)
            if any(order.id in self.malformed for order in heard):
                raise ZeroDivisionError("a bug")
            await replicate(heard)

        return use

    async def _at_the_database(self, step: str) -> None:
        if self.storage_is_down:
            raise StorageUnavailable("down")
        self.commits += step == "committed"

    async def _at_the_broker(self, step: str) -> None:
        if step in self.steps_that_fail:
            raise BrokerUnavailable("down")


@pytest.fixture
def shop() -> Shop:
    return Shop()


async def test_a_batch_is_one_transaction_a_kind(shop: Shop) -> None:
    for number in range(BATCH - 20):
        shop.create(f"order-{number}")
    for number in range(20):
        shop.cancel(f"order-{number}")
    assert await shop.intake.run_once() == BATCH
    assert shop.commits == 2
    assert shop.status("order-0") is OrderStatus.CANCELLED
    assert shop.status("order-200") is OrderStatus.CREATED


async def test_a_used_event_is_acknowledged(shop: Shop) -> None:
    shop.create("order-1")
    assert await shop.intake.run_once() == 1
    shop.let_pass(3600)
    assert not await due(shop)


async def test_a_cancel_before_its_create_is_not_lost(shop: Shop) -> None:
    shop.cancel("order-1")
    await shop.intake.run_once()
    shop.create("order-1")
    await shop.intake.run_once()
    assert shop.status("order-1") is OrderStatus.CANCELLED
    order = shop.order("order-1")
    assert order is not None
    assert order.terms is not None


async def test_an_order_that_was_cancelled_or_completed_from_the_start_is(shop: Shop) -> None:
    shop.create("order-1", status="cancelled")
    shop.create("order-2", status="complete")
    await shop.intake.run_once()
    assert shop.status("order-1") is OrderStatus.CANCELLED
    assert shop.status("order-2") is OrderStatus.COMPLETE


async def test_poison_is_buried_with_its_reason_and_the_rest_is_used(shop: Shop) -> None:
    shop.create("order-1")
    shop.send("order:created", b"\xff no JSON")
    shop.create("order-2", ticket={"price": 19.999})
    shop.create("order-3")
    await shop.intake.run_once()
    assert shop.status("order-1") is shop.status("order-3") is OrderStatus.CREATED
    reasons = [letter.reason for letter in await shop.letters()]
    assert len(reasons) == 2
    assert "JSON" in reasons[0]
    assert "ticket.price" in reasons[1]
    shop.let_pass(3600)
    assert not await due(shop)


async def test_nothing_is_buried_however_long_the_database_is_away(shop: Shop) -> None:
    shop.create("order-1")
    shop.cancel("order-2")
    shop.storage_is_down = True
    for _ in range(10 * MAX_DELIVERIES):
        assert await shop.intake.run_once() == 2
        shop.let_pass(STORAGE_DELAY.total_seconds())
    shop.storage_is_down = False
    await shop.intake.run_once()
    assert shop.status("order-1") is OrderStatus.CREATED
    assert shop.status("order-2") is OrderStatus.CANCELLED
    assert not await shop.letters()


async def test_an_event_that_makes_trouble_takes_no_other_with_it(shop: Shop) -> None:
    for number in range(100):
        shop.create(f"order-{number}")
    shop.malformed |= {"order-17", "order-18", "order-99"}
    await shop.intake.run_once()
    missing = {number for number in range(100) if shop.order(f"order-{number}") is None}
    assert missing == {17, 18, 99}
    assert not await shop.letters()


async def test_an_event_that_makes_trouble_is_tried_again_and_buried_at_last(shop: Shop) -> None:
    shop.create("order-1")
    shop.malformed.add("order-1")
    for delay in DELAYS:
        assert await shop.intake.run_once() == 1
        assert not await shop.letters()
        shop.let_pass(delay - 0.5)
        assert not await due(shop)
        shop.let_pass(0.5)
    assert await shop.intake.run_once() == 1
    [letter] = await shop.letters()
    assert letter.reason == "ZeroDivisionError: a bug"
    shop.let_pass(3600)
    assert not await due(shop)


async def test_trouble_that_ends_in_time_leaves_nothing_behind(shop: Shop) -> None:
    shop.create("order-1")
    shop.malformed.add("order-1")
    await shop.intake.run_once()
    shop.malformed.clear()
    shop.let_pass(DELAYS[0])
    await shop.intake.run_once()
    assert shop.status("order-1") is OrderStatus.CREATED
    assert not await shop.letters()


@pytest.mark.parametrize("step", ["ack", "retry", "bury"])
async def test_a_delivery_that_cannot_be_ended_comes_again_and_changes_nothing(
    shop: Shop, step: str
) -> None:
    shop.create("order-1")
    shop.create("order-2")
    shop.send("order:created", b"poison")
    shop.malformed.add("order-2")
    shop.steps_that_fail.add(step)
    assert await shop.intake.run_once() == 3
    shop.steps_that_fail.clear()
    shop.malformed.clear()
    shop.let_pass(60)
    await shop.intake.run_once()
    assert shop.status("order-1") is shop.status("order-2") is OrderStatus.CREATED
    assert len(await shop.letters()) == 1
    shop.let_pass(3600)
    assert not await due(shop)


async def test_a_broker_that_is_away_is_for_the_caller(shop: Shop) -> None:
    shop.steps_that_fail.add("fetch")
    with pytest.raises(BrokerUnavailable):
        await shop.intake.run_once()


async def test_a_paid_order_is_completed_and_hearing_it_twice_changes_nothing(shop: Shop) -> None:
    shop.create("order-1")
    await shop.intake.run_once()
    for _ in range(2):
        shop.send("payment:created", {"id": "p-1", "orderId": "order-1", "stripeId": "ch_1"})
    assert await shop.completion.run_once() == 2
    assert shop.status("order-1") is OrderStatus.COMPLETE


async def test_a_cancelled_order_never_becomes_complete(shop: Shop) -> None:
    shop.cancel("order-1")
    await shop.intake.run_once()
    shop.send("payment:created", {"id": "p-1", "orderId": "order-1", "stripeId": "ch_1"})
    await shop.completion.run_once()
    assert shop.status("order-1") is OrderStatus.CANCELLED


async def test_a_payment_of_an_order_not_heard_of_yet_waits_for_it(shop: Shop) -> None:
    shop.send("payment:created", {"id": "p-1", "orderId": "order-1", "stripeId": "ch_1"})
    shop.send("payment:created", b"poison")
    await shop.completion.run_once()
    [letter] = await shop.letters()
    assert letter.data == b"poison"
    shop.create("order-1")
    await shop.intake.run_once()
    shop.let_pass(DELAYS[0])
    await shop.completion.run_once()
    assert shop.status("order-1") is OrderStatus.COMPLETE


async def test_a_payment_of_an_order_never_heard_of_is_buried(shop: Shop) -> None:
    shop.send("payment:created", {"id": "p-1", "orderId": "nobody", "stripeId": "ch_1"})
    for delay in (*DELAYS, 0):
        await shop.completion.run_once()
        shop.let_pass(delay)
    [letter] = await shop.letters()
    assert "OrderNotFound" in letter.reason


async def due(shop: Shop) -> Sequence[InboundEvent]:
    """What would be delivered now."""
    events = shop.broker.subscribe("payments")
    return await events.fetch(BATCH, timedelta(0))
