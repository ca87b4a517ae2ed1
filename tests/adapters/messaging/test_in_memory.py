"""The faults of a real broker that the in-memory broker reproduces on request."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

import pytest

from adapters.messaging.in_memory import (
    DUPLICATE_WINDOW,
    InMemoryDeadLetters,
    InMemoryPublisher,
    InMemorySubscription,
)
from adapters.messaging.wire import Message
from application.ports.event_publisher import BrokerUnavailable
from application.ports.inbound_events import InboundEvent
from tests.contracts.event_publisher import created
from tests.contracts.inbound_events import bodies
from tests.world import World

AT_ONCE = timedelta(0)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def publisher(world: World) -> InMemoryPublisher:
    return InMemoryPublisher(world.broker)


def subscription(world: World, *sent: bytes) -> InMemorySubscription:
    """Send order events; return a subscription to them."""
    for body in sent:
        world.broker.store(Message("order:created", body, {}))
    return world.broker.subscribe("payments", "order:created")


async def test_one_confirmation_may_be_lost(world: World, publisher: InMemoryPublisher) -> None:
    lost = created("payment-2").event.id
    world.broker.loses_reply = lambda event_id: event_id == lost
    published = await publisher.publish([created(), created("payment-2")])
    assert published.stored == {created().event.id}
    assert len(world.broker.log) == 2
    with pytest.raises(BrokerUnavailable):
        await publisher.publish([created("payment-2")])


async def test_message_ids_are_forgotten_on_request_and_after_the_window(
    world: World, publisher: InMemoryPublisher
) -> None:
    await publisher.publish([created()])
    world.broker.forget_ids()
    await publisher.publish([created()])
    world.time += DUPLICATE_WINDOW
    await publisher.publish([created()])
    assert len(world.broker.log) == 3


async def test_an_acknowledged_event_may_be_repeated(world: World) -> None:
    events = subscription(world, b"1")
    [event] = await events.fetch(10, AT_ONCE)
    await event.ack()
    assert not await events.fetch(10, AT_ONCE)
    world.broker.deliver_again("payments", 1)
    [again] = await events.fetch(10, AT_ONCE)
    assert (again.data, again.deliveries) == (b"1", 2)


async def test_events_may_arrive_in_any_order(world: World) -> None:
    events = subscription(world, b"1", b"2", b"3")
    world.broker.arrange = lambda stored: stored[::-1]
    for expected in ([b"3", b"2"], [b"1"]):
        assert bodies(await events.fetch(2, AT_ONCE)) == expected


ENDS: Mapping[str, Callable[[InboundEvent], Awaitable[None]]] = {
    "ack": lambda event: event.ack(),
    "retry": lambda event: event.retry(AT_ONCE),
    "dead letter": lambda event: event.dead_letter("malformed"),
    "dead letter stored": lambda event: event.dead_letter("malformed"),
}


@pytest.mark.parametrize("step", ENDS)
async def test_an_event_is_repeated_if_its_end_is_lost(world: World, step: str) -> None:
    events = subscription(world, b"1")
    [event] = await events.fetch(10, AT_ONCE)
    world.failing.add(step)
    with pytest.raises(BrokerUnavailable):
        await ENDS[step](event)
    world.failing.clear()
    world.advance(minutes=1)
    [again] = await events.fetch(10, AT_ONCE)
    await again.dead_letter("malformed")
    assert len(await InMemoryDeadLetters(world.broker).list(10)) == 1


async def test_every_round_trip_has_checkpoints(world: World, publisher: InMemoryPublisher) -> None:
    await publisher.publish([created()])
    [event] = await world.broker.subscribe("complete", "payment:created").fetch(1, AT_ONCE)
    await event.dead_letter("malformed")
    letters = InMemoryDeadLetters(world.broker)
    [letter] = await letters.list(1)
    await letters.replay(letter)
    assert world.steps == [
        "publish", "published one", "published", "fetch", "fetched", "dead letter",
        "dead letter stored", "list dead letters", "replay dead letter", "replayed dead letter",
    ]  # fmt: skip
