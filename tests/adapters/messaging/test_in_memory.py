"""The misbehaviours of a real broker that the one in memory shows on demand."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

import pytest
from attrs import define, field

from adapters.messaging.in_memory import (
    DUPLICATE_WINDOW,
    InMemoryBroker,
    InMemoryDeadLetters,
    InMemoryPublisher,
)
from adapters.messaging.wire import Message
from application.ports.event_publisher import BrokerUnavailable
from application.ports.inbound_events import InboundEvent
from tests.builders import NOW
from tests.contracts.event_publisher import created

AT_ONCE = timedelta(0)


@define
class Faults:
    """A clock, and the steps at which the broker goes away."""

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


def send(broker: InMemoryBroker, *bodies: bytes) -> None:
    for body in bodies:
        broker.store(Message("order:created", body, {}))


async def test_a_publish_may_be_stored_although_it_failed(
    broker: InMemoryBroker, faults: Faults
) -> None:
    publisher = InMemoryPublisher(broker)
    faults.failing.add("published")
    with pytest.raises(BrokerUnavailable):
        await publisher.publish([created()])
    faults.failing.clear()
    assert (await publisher.publish([created()])).stored == {created().event.id}
    assert len(broker.log) == 1


async def test_a_confirmation_may_be_lost_alone(broker: InMemoryBroker) -> None:
    lost = created("payment-2").event.id
    broker.loses_reply = lambda event_id: event_id == lost
    published = await InMemoryPublisher(broker).publish([created(), created("payment-2")])
    assert published.stored == {created().event.id}
    assert len(broker.log) == 2
    with pytest.raises(BrokerUnavailable):
        await InMemoryPublisher(broker).publish([created("payment-2")])


@pytest.mark.parametrize("how", ["on demand", "after the window"])
async def test_ids_are_forgotten(broker: InMemoryBroker, faults: Faults, how: str) -> None:
    publisher = InMemoryPublisher(broker)
    await publisher.publish([created()])
    if how == "on demand":
        broker.forget_ids()
    else:
        faults.now += DUPLICATE_WINDOW
    await publisher.publish([created()])
    assert len(broker.log) == 2


async def test_an_acknowledged_event_may_come_again(broker: InMemoryBroker) -> None:
    send(broker, b"1")
    subscription = broker.subscribe("payments", "order:created")
    [event] = await subscription.fetch(10, AT_ONCE)
    await event.ack()
    assert not await subscription.fetch(10, AT_ONCE)
    broker.deliver_again("payments", 1)
    [again] = await subscription.fetch(10, AT_ONCE)
    assert (again.data, again.deliveries) == (b"1", 2)


async def test_events_may_come_in_any_order(broker: InMemoryBroker) -> None:
    send(broker, b"1", b"2", b"3")
    broker.arrange = lambda stored: stored[::-1]
    subscription = broker.subscribe("payments", "order:created")
    assert [event.data for event in await subscription.fetch(2, AT_ONCE)] == [b"3", b"2"]
    assert [event.data for event in await subscription.fetch(2, AT_ONCE)] == [b"1"]


ENDS: Mapping[str, Callable[[InboundEvent], Awaitable[None]]] = {
    "ack": lambda event: event.ack(),
    "retry": lambda event: event.retry(AT_ONCE),
    "bury": lambda event: event.dead_letter("poison"),
    "buried": lambda event: event.dead_letter("poison"),
}


@pytest.mark.parametrize("step", ENDS)
async def test_an_end_that_is_lost_lets_the_event_come_again(
    broker: InMemoryBroker, faults: Faults, step: str
) -> None:
    send(broker, b"1")
    subscription = broker.subscribe("payments", "order:created")
    [event] = await subscription.fetch(10, AT_ONCE)
    faults.failing.add(step)
    with pytest.raises(BrokerUnavailable):
        await ENDS[step](event)
    faults.failing.clear()
    faults.now += timedelta(minutes=1)
    [again] = await subscription.fetch(10, AT_ONCE)
    await again.dead_letter("poison")
    assert len(await InMemoryDeadLetters(broker).list(10)) == 1


async def test_every_round_trip_can_be_interrupted(broker: InMemoryBroker, faults: Faults) -> None:
    await InMemoryPublisher(broker).publish([created()])
    subscription = broker.subscribe("complete", "payment:created")
    [event] = await subscription.fetch(1, AT_ONCE)
    await event.dead_letter("poison")
    letters = InMemoryDeadLetters(broker)
    [letter] = await letters.list(1)
    await letters.replay(letter)
    assert faults.steps == [
        "publish", "published one", "published", "fetch", "fetched", "bury", "buried",
        "list dead letters", "replay dead letter", "replayed dead letter",
    ]  # fmt: skip
