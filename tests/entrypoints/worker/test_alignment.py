"""Whatever is acknowledged is in the books, or comes back: any number of restored backups."""

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from attrs import define, field
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.messaging.in_memory import InMemorySubscription
from adapters.messaging.in_memory.broker import InMemoryDelivery
from adapters.messaging.wire import Message
from adapters.persistence.in_memory.tables import Backup
from application.ports.event_publisher import BrokerUnavailable
from application.ports.stream_positions import EventPosition
from application.ports.unit_of_work import StorageUnavailable
from domain.replica import OrderReplica, OrderStatus
from entrypoints.worker.alignment import Alignment
from entrypoints.worker.intake import OrderIntake
from tests.builders import USD
from tests.checkpoints import proceed
from tests.depth import times
from tests.world import World

SUBJECTS = ("order:created", "order:cancelled")

# More than any delivery waits: for a retry, or for the ack wait of a delivery that was lost.
LONG_SECONDS = 600.0

# An event is delivered five times at most until it is applied or a dead letter.
MAX_TURNS = 100


class Impatient(InMemorySubscription):
    """A subscription whose empty fetches take no time."""

    async def fetch(self, limit: int, wait: timedelta) -> Sequence[InMemoryDelivery]:
        return await super().fetch(limit, min(wait, timedelta(0)))


@define
class Shop:
    """Workers on one database and one broker, both of which may lose what they had."""

    world: World = field(factory=World)
    workers: list[OrderIntake] = field(factory=list)
    backups: list[Backup] = field(factory=list)
    created: set[str] = field(factory=set)
    cancelled: set[str] = field(factory=set)
    malformed: int = 0
    failing: bool = False
    """Whether every other event of a batch fails for now."""

    def __attrs_post_init__(self) -> None:
        for _ in range(2):
            self.world.broker.subscribe("payments", *SUBJECTS)
            events = Impatient(self.world.broker, "payments")
            use_cases = self.world.use_cases()
            self.workers.append(
                OrderIntake(
                    events,
                    self.world.alignment(events),
                    self._replicate,
                    use_cases.cancel_order,
                    use_cases.advance_positions,
                    USD,
                    self.world.alerts,
                )
            )

    async def _replicate(
        self, orders: Iterable[OrderReplica], positions: Iterable[EventPosition]
    ) -> None:
        batch = list(orders)
        if self.failing and any(int(order.id) % 2 for order in batch):
            raise ZeroDivisionError("a bug that is corrected later")
        await self.world.use_cases().replicate_order(batch, positions)

    async def work_of_release_1_0_0rc1(self, seconds: float = 1.0) -> None:
        """Let a worker of that release run, which knows nothing of positions."""
        self.world.advance(seconds)
        use_cases = self.world.use_cases()

        async def do_not_align() -> None:
            return

        async def record_nothing(_positions: Iterable[EventPosition]) -> None:
            return

        old = OrderIntake(
            Impatient(self.world.broker, "payments"),
            Alignment(do_not_align),
            lambda orders, _: self._replicate(orders, ()),
            lambda cancelled, _: use_cases.cancel_order(cancelled),
            *(record_nothing, USD, self.world.alerts),
        )
        await old.run_once()

    def create(self) -> None:
        """Publish a new order."""
        order_id = str(len(self.created) + 1)
        self.created.add(order_id)
        body = {"id": order_id, "version": 0, "status": "created", "userId": "user"}
        self._publish("order:created", {**body, "ticket": {"price": 10}})

    def cancel(self) -> None:
        """Cancel the newest order."""
        order_id = str(max(1, len(self.created)))
        self.created.add(order_id)
        self.cancelled.add(order_id)
        self._publish("order:cancelled", {"id": order_id, "version": 1})

    def publish_malformed(self) -> None:
        """Publish an event that can never be used."""
        self.malformed += 1
        self._publish("order:created", {"malformed": self.malformed})

    def _publish(self, subject: str, body: Any) -> None:
        self.world.broker.store(Message(subject, json.dumps(body).encode(), {}))

    async def work(self, worker: int, seconds: float = 1.0) -> int:
        """Let a worker handle what is due after some seconds."""
        self.world.advance(seconds)
        return await self.workers[worker].run_once()

    async def work_during_failover(self, steps: int, index: int) -> None:
        """Let a worker begin; after some steps the other one finishes, and a standby takes over."""

        async def fail_over(_step: str) -> None:
            nonlocal steps
            steps -= 1
            if steps == 0:
                self.world.checkpoint = proceed
                await self.work(1, LONG_SECONDS)
                self.restore(index)
                self.create()

        for worker in (0, 1):
            self.restart(worker)
        self.world.checkpoint = fail_over
        with suppress(StorageUnavailable, BrokerUnavailable):
            await self.work(0, LONG_SECONDS)
        self.world.checkpoint = proceed

    def restart(self, worker: int) -> None:
        """Start a worker again."""
        intake = self.workers[worker]
        intake.alignment.align = self.world.alignment(intake.events).align
        intake.alignment.request()

    def back_up(self) -> None:
        """Keep the database as it is."""
        self.backups.append(self.world.database.back_up())

    def restore(self, index: int) -> None:
        """Continue on one of the backups, or on an empty database."""
        older = self.backups[index % len(self.backups)] if self.backups else None
        self.world.database.restore(older or World().database.back_up())

    def deliver_again(self, index: int) -> None:
        """Make the broker lose an acknowledgement."""
        consumer = self.world.broker._consumers["payments"]
        if consumer.deliveries:
            delivered = sorted(consumer.deliveries)
            self.world.broker.deliver_again("payments", delivered[index % len(delivered)])


ACTIONS = st.one_of(
    st.sampled_from(["create", "create", "cancel", "publish_malformed", "back_up", "fail", "mend"]),
    st.tuples(st.just("work"), st.integers(0, 1), st.floats(0.0, 90.0)),
    st.tuples(st.just("work_during_failover"), st.integers(1, 12), st.integers(0, 1)),
    st.tuples(st.just("work_of_release_1_0_0rc1"), st.floats(0.0, 90.0)),
    st.tuples(st.sampled_from(["restart", "restore", "deliver_again"]), st.integers(0, 1)),
)


# An earlier event is applied after a later one, and the books lose only the earlier one.
LATE = ["create", "create", "fail", ("work", 0, 0.0), "back_up", "mend", ("work", 0, 2.0)]

# Both workers set a stream back; a second failover loses what one has read again meanwhile.
TWICE = ["back_up", "create", ("work", 0, 0.0), ("restore", 0)]

# Beside an older worker, events are repeated: it acknowledges what it does not record.
BESIDE = ["create", ("work", 0, 0.0), "create", ("work_of_release_1_0_0rc1", 0.0), "back_up"]


@settings(max_examples=times(100))
@example(actions=[*BESIDE, "create", ("work_of_release_1_0_0rc1", 0.0), ("restore", 0)])
@example(actions=[*BESIDE, ("restart", 1), ("work", 1, 0.0), ("restore", 0)])
@example(actions=[*TWICE, ("work_during_failover", 5, 0)])
@example(actions=[*LATE, ("restore", 0)])
@example(actions=[*LATE, ("restore", 0), "create", ("work", 1, 0.0)])
@given(actions=st.lists(ACTIONS, max_size=40))
async def test_every_event_is_applied_or_a_dead_letter_once_in_the_end(actions: list[Any]) -> None:
    shop = Shop()
    for action in actions:
        match action:
            case "fail" | "mend":
                shop.failing = action == "fail"
            case str():
                getattr(shop, action)()
            case (name, *arguments) if name.startswith("work"):
                await getattr(shop, name)(*arguments)
            case (name, index):
                getattr(shop, name)(index)
            case _:
                raise AssertionError(action)
    shop.failing = False
    for worker in (0, 1):
        shop.restart(worker)
        turns = 0
        while await shop.work(worker, LONG_SECONDS):
            turns += 1
            assert turns < MAX_TURNS
    dead = {json.loads(letter.data).get("id") for letter in shop.world.broker.letters.values()}
    found = {str(order.id): order.replica.status for order in shop.world.orders}
    assert {*found, *dead} >= shop.created
    for order_id in shop.cancelled:
        assert found[order_id] is OrderStatus.CANCELLED
    malformed = [each for each in shop.world.broker.letters.values() if b"malformed" in each.data]
    assert len(malformed) == shop.malformed
