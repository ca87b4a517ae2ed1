"""The faults of a real broker that the in-memory broker reproduces on request."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

import pytest
from attrs import define, field

from adapters.messaging.in_memory import (
    DUPLICATE_WINDOW,
    InMemoryBroker,
    InMemoryDeadLetters,
    InMemoryPublisher,
    InMemorySubscription,
)
from adapters.messaging.wire import Message
from application.ports.event_publisher import BrokerUnavailable
from application.ports.inbound_events import InboundEvent
from tests.builders import NOW
from tests.contracts.event_publisher import created

AT_ONCE = timedelta(0)


@define
class Faults:
    """A clock, and the steps at which the broker is unavailable."""

    now: datetime = NOW
    failing: set[str] = field(factory=set)
    steps: list[str] = field(factory=list)

    async def checkpoint(self, step: str) -> None:
        self.steps.append(step)
        if step in self.failing:
            raise BrokerUnavailable(step)


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def broker(faults: Faults) -> InMemoryBroker:
    return InMemoryBroker(lambda: faults.now, faults.checkpoint)


@pytest.fixture
def publisher(broker: InMemoryBroker) -> InMemoryPublisher:
    return InMemoryPublisher(broker)


@pytest.fixture
def subscription(broker: InMemoryBroker) -> InMemorySubscription:
    return broker.subscribe("payments", "order:created")


def send(broker: InMemoryBroker, *bodies: bytes) -> None:
    for body in bodies:
        broker.store(Message("order:created", body, {}))


async def test_a_publish_may_fail_although_the_event_is_stored(
    broker: InMemoryBroker, publisher: InMemoryPublisher, faults: Faults
) -> None:
    faults.failing.add("published")
    with pytest.raises(BrokerUnavailable):
        await publisher.publish([created()])
    faults.failing.clear()
    assert (await publisher.publish([created()])).stored == {created().event.id}
    assert len(broker.log) == 1


async def test_a_single_confirmation_may_be_lost(
    broker: InMemoryBroker, publisher: InMemoryPublisher
) -> None:
    lost = created("payment-2").event.id
    broker.loses_reply = lambda event_id: event_id == lost
    published = await publisher.publish([created(), created("payment-2")])
    assert published.stored == {created().event.id}
    assert len(broker.log) == 2
    with pytest.raises(BrokerUnavailable):
        await publisher.publish([created("payment-2")])


async def test_message_ids_are_forgotten_on_request_and_after_the_window(
    broker: InMemoryBroker, publisher: InMemoryPublisher, faults: Faults
) -> None:
    await publisher.publish([created()])
    broker.forget_ids()
    await publisher.publish([created()])
    faults.now += DUPLICATE_WINDOW
    await publisher.publish([created()])
    assert len(broker.log) == 3


async def test_an_acknowledged_event_may_be_repeated(
    broker: InMemoryBroker, subscription: InMemorySubscription
) -> None:
    send(broker, b"1")
    [event] = await subscription.fetch(10, AT_ONCE)
    await event.ack()
    assert not await subscription.fetch(10, AT_ONCE)
    broker.deliver_again("payments", 1)
    [again] = await subscription.fetch(10, AT_ONCE)
    assert (again.data, again.deliveries) == (b"1", 2)


async def test_events_may_arrive_in_any_order(
    broker: InMemoryBroker, subscription: InMemorySubscription
) -> None:
    send(broker, b"1", b"2", b"3")
    broker.arrange = lambda stored: stored[::-1]
    assert [event.data for event in await subscription.fetch(2, AT_ONCE)] == [b"3", b"2"]
    assert [event.data for event in await subscription.fetch(2, AT_ONCE)] == [b"1"]


ENDS: Mapping[str, Callable[[InboundEvent], Awaitable[None]]] = {
    "ack": lambda event: event.ack(),
    "retry": lambda event: event.retry(AT_ONCE),
    "dead letter": lambda event: event.dead_letter("malformed"),
    "dead letter stored": lambda event: event.dead_letter("malformed"),
}


@pytest.mark.parametrize("step", ENDS)
async def test_an_event_is_repeated_if_its_end_is_lost(
    broker: InMemoryBroker, subscription: InMemorySubscription, faults: Faults, step: str
) -> None:
    send(broker, b"1")
    [event] = await subscription.fetch(10, AT_ONCE)
    faults.failing.add(step)
    with pytest.raises(BrokerUnavailable):
        await ENDS[step](event)
    faults.failing.clear()
    faults.now += timedelta(minutes=1)
    [again] = await subscription.fetch(10, AT_ONCE)
    await again.dead_letter("malformed")
    assert len(await InMemoryDeadLetters(broker).list(10)) == 1


async def test_every_round_trip_has_checkpoints(
    broker: InMemoryBroker, publisher: InMemoryPublisher, faults: Faults
) -> None:
    await publisher.publish([created()])
    [event] = await broker.subscribe("complete", "payment:created").fetch(1, AT_ONCE)
    await event.dead_letter("malformed")
    letters = InMemoryDeadLetters(broker)
    [letter] = await letters.list(1)
    await letters.replay(letter)
    assert faults.steps == [
        "publish", "published one", "published", "fetch", "fetched", "dead letter",
        "dead letter stored", "list dead letters", "replay dead letter", "replayed dead letter",
    ]  # fmt: skip
