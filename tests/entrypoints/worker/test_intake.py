"""The intake of inbound events, on the in-memory adapters."""

import asyncio
import json
from collections.abc import Iterable
from datetime import timedelta

import pytest
from attrs import define, field

from adapters.messaging.in_memory import ACK_WAIT, InMemorySubscription
from adapters.messaging.wire import Message
from adapters.persistence.in_memory import InMemoryStreamPositions
from application.ports.alerts import AlertKind
from application.ports.event_publisher import BrokerUnavailable
from application.ports.inbound_events import DeadLetter
from application.ports.stream_positions import EventPosition
from application.ports.unit_of_work import StorageUnavailable
from domain.claim import OrderExpired
from domain.replica import OrderReplica, OrderStatus
from entrypoints.worker import batches
from entrypoints.worker import intake as intake_module
from entrypoints.worker.alignment import Alignment
from entrypoints.worker.batches import DELAYS, MAX_DELIVERIES, STORAGE_DELAY
from entrypoints.worker.failures import Failures
from entrypoints.worker.intake import (
    BATCH,
    OrderIntake,
    PaymentCreatedIntake,
)
from tests.builders import NOW, ORDER, USD
from tests.checkpoints import FailAt
from tests.world import World


@define
class Intake:
    """Both intakes in one world."""

    world: World = field(factory=World)
    failing_orders: set[str] = field(factory=set)
    """Orders that make every transaction fail in which they take part."""

    failures: Failures = field(factory=Failures)

    @property
    def orders(self) -> InMemorySubscription:
        return self.world.broker.subscribe("payments", "order:created", "order:cancelled")

    async def run(self, alignment: Alignment | None = None) -> int:
        events, use_cases = self.orders, self.world.use_cases()
        alignment = alignment or self.world.alignment(events)
        cancel, advance = use_cases.cancel_order, use_cases.advance_positions
        alerts = self.world.alerts
        intake = OrderIntake(
            events, alignment, self._replicate, cancel, advance, USD, alerts, self.failures
        )
        return await intake.run_once()

    async def run_completion(self) -> int:
        events = self.world.broker.subscribe("payments-complete", "payment:created")
        use_cases, alignment = self.world.use_cases(), self.world.alignment(events)
        complete, advance = use_cases.complete_order, use_cases.advance_positions
        intake = PaymentCreatedIntake(events, alignment, complete, advance, self.failures)
        return await intake.run_once()

    async def _replicate(
        self, orders: Iterable[OrderReplica], positions: Iterable[EventPosition]
    ) -> None:
        batch = list(orders)
        if any(order.id in self.failing_orders for order in batch):
            raise ZeroDivisionError("a bug")
        await self.world.use_cases().replicate_order(batch, positions)

    async def applied(self) -> int:
        """Return the highest sequence that is recorded as applied."""
        [progress] = await self.orders.progress()
        positions = InMemoryStreamPositions(self.world.database)
        position = await positions.read(progress.stream, progress.consumer)
        assert position is not None
        return position.applied

    def send(self, subject: str, body: object) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.world.broker.store(Message(subject, data, {}))

    def create(self, order_id: str = ORDER, price: float = 10, **more: object) -> None:
        body = {"id": order_id, "version": 0, "status": "created", "userId": "user-1"}
        self.send("order:created", {**body, "ticket": {"price": price}, **more})

    def cancel(self, order_id: str = ORDER) -> None:
        self.send("order:cancelled", {"id": order_id, "version": 1})

    def pay(self, order_id: str = ORDER) -> None:
        self.send("payment:created", {"id": "p-1", "orderId": order_id, "stripeId": "ch_1"})

    def status(self, order_id: str = ORDER) -> OrderStatus:
        return self.world.order(order_id).replica.status

    @property
    def letters(self) -> list[DeadLetter]:
        return list(self.world.broker.letters.values())

    async def is_idle(self, after: float) -> bool:
        """Whether no order event is delivered after this many seconds."""
        self.world.advance(after)
        return not await self.world.broker.subscribe("payments").fetch(BATCH, timedelta(0))


@pytest.fixture
def intake() -> Intake:
    return Intake()


async def test_what_a_paused_process_has_committed_is_delivered_again(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "ACK_WITHIN_SECONDS", 0.01)
    intake.world.checkpoint = lambda _: asyncio.sleep(0.02)
    intake.create()
    assert await intake.run() == 1
    assert intake.status() is OrderStatus.CREATED
    intake.world.checkpoint = lambda _: asyncio.sleep(0)
    assert not await intake.is_idle(after=ACK_WAIT.total_seconds())


async def test_the_next_batch_is_fetched_while_a_full_one_is_committed(intake: Intake) -> None:
    for number in range(2 * BATCH + 1):
        intake.create(f"order-{number}")
    intake.world.checkpoint = lambda _: asyncio.sleep(0)
    assert await intake.run() == 2 * BATCH + 1
    steps = [each for each in intake.world.steps if each in ("fetch", "committed")]
    assert steps == ["fetch", "fetch", "committed", "fetch", "committed", "committed"]
    assert len(intake.world.orders) == 2 * BATCH + 1
    assert await intake.is_idle(after=3600)


async def test_a_run_ends_after_some_full_batches_and_has_applied_all_of_them(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake_module, "BATCH", 2)
    monkeypatch.setattr(intake_module, "MAX_BATCHES", 3)
    for number in range(7):
        intake.create(f"order-{number}")
    runs = []
    while arrived := await intake.run():
        runs.append((arrived, await intake.applied()))
    assert runs == [(6, 6), (1, 7)]


async def test_a_batch_that_cannot_be_committed_is_not_acknowledged_and_delays_no_other(
    intake: Intake,
) -> None:
    for number in range(BATCH + 1):
        intake.create(f"order-{number}")
    intake.failing_orders.add("order-0")
    assert await intake.run() == BATCH + 1
    assert {order.id for order in intake.world.orders} == {
        f"order-{number}" for number in range(1, BATCH + 1)
    }
    intake.failing_orders.clear()
    intake.world.advance(DELAYS[0])
    assert await intake.run() == 1
    assert intake.status("order-0") is OrderStatus.CREATED


async def test_a_batch_is_one_transaction_per_subject_and_is_acknowledged(intake: Intake) -> None:
    for number in range(BATCH - 20):
        intake.create(f"order-{number}")
    for number in range(20):
        intake.cancel(f"order-{number}")
    assert await intake.run() == BATCH
    assert intake.world.steps.count("committed") == 2
    assert intake.status("order-0") is OrderStatus.CANCELLED
    assert intake.status("order-200") is OrderStatus.CREATED
    assert await intake.is_idle(after=3600)


async def test_malformed_events_become_dead_letters_and_others_are_applied(intake: Intake) -> None:
    intake.create("order-1")
    intake.send("order:created", b"\xff no JSON")
    intake.create("order-2", price=19.999)
    intake.create("order-3")
    await intake.run()
    assert intake.status("order-1") is intake.status("order-3") is OrderStatus.CREATED
    not_json, bad_price = [letter.reason for letter in intake.letters]
    assert "JSON" in not_json
    assert "ticket.price" in bad_price
    assert await intake.is_idle(after=3600)


async def test_an_expiry_that_is_not_understood_is_reported_and_the_order_is_applied(
    intake: Intake,
) -> None:
    for number, expires_at in enumerate(("alskdfj", None, "2026-11-22T12:15Z", 5, 1763812500000)):
        intake.create(f"order-{number}", expiresAt=expires_at)
    intake.create("order-9")
    await intake.run()
    assert intake.status("order-0") is intake.status("order-3") is OrderStatus.CREATED
    alerts = {alert.subject: alert for alert in await intake.world.alerts.list_current()}
    assert alerts.keys() == {"order-0", "order-3"}
    assert alerts["order-0"].kind is AlertKind.EXPIRY_NOT_UNDERSTOOD
    assert alerts["order-0"].text == (
        'expiresAt is neither an ISO 8601 time nor epoch milliseconds: "alskdfj"'
    )


async def test_an_order_whose_expiry_in_milliseconds_has_passed_cannot_be_paid(
    intake: Intake,
) -> None:
    intake.create(expiresAt=int((NOW - timedelta(seconds=1)).timestamp() * 1000))
    await intake.run()
    with pytest.raises(OrderExpired):
        await intake.world.pay()


async def test_whole_numbers_and_their_text_name_the_same_order_and_user(intake: Intake) -> None:
    intake.send(
        "order:created",
        {"id": 1042, "version": 0, "status": "created", "userId": 7, "ticket": {"price": "19.99"}},
    )
    intake.send("order:cancelled", {"id": "1042", "version": "1"})
    await intake.run()
    assert intake.status("1042") is OrderStatus.CANCELLED
    terms = intake.world.order("1042").replica.terms
    assert terms is not None
    assert (terms.user_id, terms.price.minor_units) == ("7", 1999)
    assert not intake.letters


async def test_no_event_becomes_a_dead_letter_while_the_database_is_down(intake: Intake) -> None:
    intake.create("order-1")
    intake.cancel("order-2")
    intake.world.failing.add("database")
    for _ in range(10 * MAX_DELIVERIES):
        with pytest.raises(StorageUnavailable):
            await intake.run()
        intake.world.advance(STORAGE_DELAY.total_seconds())
    intake.world.failing.clear()
    await intake.run()
    assert intake.status("order-1") is OrderStatus.CREATED
    assert intake.status("order-2") is OrderStatus.CANCELLED
    assert not intake.letters


async def test_events_that_the_database_refuses_are_delivered_again(intake: Intake) -> None:
    intake.create("order-1")
    intake.send("order:created", b"malformed")
    intake.world.failing.add("commit")
    for _ in range(10 * MAX_DELIVERIES):
        assert await intake.run() == 2
        intake.world.advance(STORAGE_DELAY.total_seconds())
    assert not intake.letters
    intake.world.failing.clear()
    await intake.run()
    assert intake.status("order-1") is OrderStatus.CREATED
    assert len(intake.letters) == 1


async def test_after_a_batch_that_the_database_refused_only_the_one_already_fetched_is_tried(
    intake: Intake,
) -> None:
    for number in range(4 * BATCH):
        intake.create(f"order-{number}")
    intake.world.failing.add("commit")
    assert await intake.run() == 2 * BATCH
    intake.world.failing.clear()
    intake.world.advance(STORAGE_DELAY.total_seconds())
    assert await intake.run() == 4 * BATCH
    assert len(intake.world.orders) == 4 * BATCH


async def test_deliveries_while_the_database_refused_do_not_count_against_an_event(
    intake: Intake,
) -> None:
    intake.create()
    intake.world.failing.add("commit")
    for _ in range(10 * MAX_DELIVERIES):
        await intake.run()
        intake.world.advance(STORAGE_DELAY.total_seconds())
    intake.world.failing.clear()
    intake.failing_orders.add(ORDER)
    await intake.run()
    assert not intake.letters, "it has failed once"
    intake.failing_orders.clear()
    intake.world.advance(DELAYS[0])
    await intake.run()
    assert intake.status(ORDER) is OrderStatus.CREATED


async def test_every_event_that_ends_is_in_the_position_of_its_stream(intake: Intake) -> None:
    intake.create("order-1")
    intake.create("order-2")
    intake.cancel("order-1")
    intake.failing_orders.add("order-2")
    assert await intake.run() == 3
    assert await intake.applied() == 3
    intake.send("order:created", b"malformed")
    await intake.run()
    assert await intake.applied() == 4
    [(_, position)] = intake.world.database.positions.values()
    assert position.floor == 1, "the second event is not ended"


async def test_events_that_a_failover_lost_are_applied_again(intake: Intake) -> None:
    intake.create("order-1")
    await intake.run()
    backup = intake.world.database.back_up()
    intake.create("order-2")
    intake.cancel("order-1")
    intake.send("order:created", b"malformed")
    await intake.run()
    intake.world.database.restore(backup)
    intake.create("order-3")
    await intake.run()
    assert intake.status("order-1") is OrderStatus.CANCELLED
    assert intake.status("order-2") is intake.status("order-3") is OrderStatus.CREATED
    assert len(intake.letters) == 1
    assert [each.kind for each in await intake.world.alerts.list_current()] == [
        AlertKind.BOOKS_BEHIND
    ]


async def test_a_commit_on_a_copy_of_the_books_is_refused_until_they_are_aligned(
    intake: Intake,
) -> None:
    intake.create("order-1")
    await intake.run()
    alignment = intake.world.alignment(intake.orders)
    await alignment.run_if_due()
    backup = intake.world.database.back_up()
    intake.create("order-2")
    await intake.run()
    intake.world.database.restore(backup)
    intake.create("order-3")
    assert await intake.run(alignment) == 1, "it is not due, and the commit is refused"
    assert {order.id for order in intake.world.orders} == {"order-1"}
    await intake.run(alignment)
    assert {order.id for order in intake.world.orders} == {"order-1", "order-2", "order-3"}


async def test_a_failing_event_does_not_stop_the_others_of_its_batch(intake: Intake) -> None:
    for number in range(100):
        intake.create(f"order-{number}")
    intake.failing_orders |= {"order-17", "order-18", "order-99"}
    await intake.run()
    stored = {order.id for order in intake.world.orders}
    assert {f"order-{number}" for number in range(100)} - stored == intake.failing_orders
    assert not intake.letters


async def test_a_failing_event_is_retried_and_becomes_a_dead_letter_at_last(intake: Intake) -> None:
    intake.create()
    intake.failing_orders.add(ORDER)
    for delay in DELAYS:
        assert await intake.run() == 1
        assert not intake.letters
        assert await intake.is_idle(after=delay - 0.5)
        intake.world.advance(0.5)
    assert await intake.run() == 1
    assert [letter.reason for letter in intake.letters] == ["ZeroDivisionError: a bug"]
    assert await intake.is_idle(after=3600)


@pytest.mark.parametrize("step", ["ack", "retry", "dead letter"])
async def test_a_delivery_that_cannot_be_ended_is_repeated_and_changes_nothing(
    intake: Intake, step: str
) -> None:
    intake.create("order-1")
    intake.create("order-2")
    intake.send("order:created", b"malformed")
    intake.failing_orders.add("order-2")
    intake.world.failing.add(step)
    assert await intake.run() == 3
    intake.world.failing.clear()
    intake.failing_orders.clear()
    intake.world.advance(minutes=1)
    await intake.run()
    assert intake.status("order-1") is intake.status("order-2") is OrderStatus.CREATED
    assert len(intake.letters) == 1
    assert await intake.is_idle(after=3600)


async def test_an_acknowledgement_that_is_lost_stops_no_other(intake: Intake) -> None:
    for number in range(3):
        intake.create(f"order-{number}")
    intake.world.checkpoint = FailAt(0, BrokerUnavailable("lost"), {"ack"})
    assert await intake.run() == 3
    intake.world.advance(minutes=1)
    assert await intake.run() == 1


async def test_nothing_is_applied_until_an_alignment_has_succeeded(intake: Intake) -> None:
    async def fail() -> None:
        raise StorageUnavailable("down")

    intake.create()
    alignment = Alignment(fail)
    for _ in range(2):
        with pytest.raises(StorageUnavailable):
            await intake.run(alignment)
    assert not list(intake.world.orders)


async def test_an_unavailable_broker_is_reported_to_the_caller(intake: Intake) -> None:
    intake.world.failing.add("fetch")
    with pytest.raises(BrokerUnavailable):
        await intake.run()
    with pytest.raises(BrokerUnavailable):
        await intake.run_completion()


async def test_a_paid_order_is_completed_once_it_is_known(intake: Intake) -> None:
    intake.pay()
    intake.pay()
    intake.send("payment:created", b"malformed")
    assert await intake.run_completion() == 3
    assert [letter.data for letter in intake.letters] == [b"malformed"]
    intake.create()
    await intake.run()
    intake.world.advance(DELAYS[0])
    assert await intake.run_completion() == 2
    assert intake.status() is OrderStatus.COMPLETE


async def test_a_payment_of_an_unknown_order_becomes_a_dead_letter_at_last(intake: Intake) -> None:
    intake.pay("unknown")
    for delay in (*DELAYS, 0):
        await intake.run_completion()
        intake.world.advance(delay)
    [letter] = intake.letters
    assert "OrderNotFound" in letter.reason
