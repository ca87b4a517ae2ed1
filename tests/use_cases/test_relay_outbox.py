"""RelayOutbox publishes every event at least once, under one id, in order for each order."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from attrs import evolve

from adapters.gateways.in_memory import GatewayFaultKind
from adapters.messaging.in_memory import InMemoryPublisher
from application.ports.alerts import AlertKind
from application.ports.event_publisher import (
    BrokerUnavailable,
    BrokerUnsuitable,
    OutboxEntry,
    PublishResult,
)
from application.ports.unit_of_work import StorageUnavailable
from application.use_cases import relay_outbox
from application.use_cases.relay_outbox import LANES, LEASE, WINDOW
from domain.events import EventId, PaymentFailed
from domain.identifiers import OrderId, PaymentId
from tests.builders import ORDER
from tests.checkpoints import FailAt, proceed
from tests.world import DECLINED, World

SEQUENCE = ["payment:failed", "payment:created", "payment:refunded"]
"""The events of each order in these tests."""

ORDERS = [f"order-{number}" for number in range(1, 4)]
EVENTS = len(ORDERS) * len(SEQUENCE)


@pytest.fixture
async def world() -> World:
    """Return a world with three orders that were declined, paid, cancelled and refunded."""
    world = World()
    for order_id in ORDERS:
        order = await world.create_order(order_id)
        await world.pay(DECLINED, order)
        await world.pay(order_id=order)
        await world.cancel_order(order)
    await world.recover()
    return world


async def relay(world: World, name: str = "process-1", limit: int = 100) -> int:
    """Run the relay of one process once."""
    return await world.use_cases(name).relay_outbox.run_once(limit)


def subjects(world: World, order_id: str = ORDER) -> list[str]:
    """Return the subjects of an order's events, in the sequence of their first delivery."""
    first = {event.id: event for event in reversed(world.events) if event.order_id == order_id}
    return [event.subject for event in sorted(first.values(), key=world.events.index)]


async def test_the_events_of_each_order_are_published_in_the_sequence_of_their_commits(
    world: World,
) -> None:
    world.steps.clear()
    assert await relay(world) == EVENTS
    assert world.steps.count("publish") == len(SEQUENCE)
    assert [subjects(world, order_id) for order_id in ORDERS] == [SEQUENCE] * len(ORDERS)
    assert await relay(world) == 0
    await world.come_to_rest()


@pytest.mark.parametrize("forgets_ids", [False, True])
async def test_an_event_whose_confirmation_was_lost_is_published_again_under_the_same_id(
    world: World, forgets_ids: bool
) -> None:
    for number in (0, 0, 1):
        world.checkpoint = FailAt(number, BrokerUnavailable("no reply"), {"published"})
        with pytest.raises(BrokerUnavailable):
            await relay(world)
        if forgets_ids:
            world.broker.forget_ids()
    await world.come_to_rest()
    assert (len(world.events) > EVENTS) == forgets_ids
    assert subjects(world) == SEQUENCE


async def test_an_unconfirmed_event_delays_only_its_own_order(world: World) -> None:
    first, confirms_all = next(iter(world.database.outbox)), world.broker.loses_reply
    world.broker.loses_reply = lambda event_id: event_id == first
    assert await relay(world) == EVENTS - len(SEQUENCE)
    assert subjects(world) == SEQUENCE[:1]
    assert [subjects(world, order_id) for order_id in ORDERS[1:]] == [SEQUENCE] * 2
    world.broker.loses_reply = confirms_all
    await world.come_to_rest()
    assert subjects(world) == SEQUENCE


async def test_an_event_that_is_too_large_is_parked_and_delays_no_other() -> None:
    world = World()
    await world.create_order()
    payment_id = (await world.pay()).payment.id
    await world.use_cases().refund_payment(payment_id, 1_000, reason="x" * 70_000)
    await world.use_cases().refund_payment(payment_id, 2_000)
    assert await relay(world) == 3
    parked = [each for each in world.database.outbox.values() if each.parked is not None]
    assert [each.entry.event.subject for each in parked] == ["payment:refunded"]
    assert not parked[0].sent
    assert subjects(world) == ["payment:created", "payment:refunded"]
    assert world.unsent_events == 0


async def test_one_relay_works_at_a_time_and_another_one_takes_over_after_the_lease(
    world: World,
) -> None:
    world.failing.add("mark sent")
    with pytest.raises(StorageUnavailable):
        await relay(world, "one")
    world.failing.clear()
    assert await relay(world, "two") == 0
    world.advance(seconds=LEASE.total_seconds())
    assert await relay(world, "two") == EVENTS
    assert subjects(world) == SEQUENCE
    await world.come_to_rest()


@pytest.mark.parametrize("suspended_at", ["published", "mark sent"])
@pytest.mark.parametrize("forgets_ids", [False, True])
async def test_a_relay_that_was_suspended_beyond_its_lease_publishes_nothing_out_of_sequence(
    world: World, suspended_at: str, forgets_ids: bool
) -> None:
    async def suspend(step: str) -> None:
        if step == suspended_at:
            world.checkpoint = proceed
            world.advance(seconds=LEASE.total_seconds())
            if forgets_ids:
                world.broker.forget_ids()
            await relay(world, "two")

    world.checkpoint = suspend
    await relay(world, "one")
    await world.come_to_rest()
    assert subjects(world) == SEQUENCE


@pytest.mark.parametrize("limit", [1, 2, 4])
async def test_a_batch_is_no_larger_than_its_limit(world: World, limit: int) -> None:
    published = []
    while count := await relay(world, limit=limit):
        published.append(count)
    assert max(published) <= limit
    assert sum(published) == EVENTS
    assert subjects(world, ORDERS[1]) == SEQUENCE


async def test_an_event_committed_twice_is_published_once() -> None:
    world = World()
    await world.create_order()
    world.faults.add("charge", GatewayFaultKind.REPLY_LOST)
    await world.pay()
    world.advance(seconds=5)
    await world.recover()
    await world.deliver_notifications()
    await world.come_to_rest()
    assert [event.subject for event in world.events] == ["payment:created"]


async def test_a_relay_releases_its_own_lease_only(world: World) -> None:
    one, two = (world.use_cases(name).relay_outbox for name in ("one", "two"))
    await one.run_once(limit=1)
    await two.release_lease()
    assert await two.run_once() == 0
    await one.release_lease()
    assert await two.run_once() == EVENTS - 1
    assert subjects(world) == SEQUENCE


# --- windows ------------------------------------------------------------------------------------

MANY = [OrderId(f"order-{number}") for number in range(LANES * WINDOW + 1)]
"""Orders whose events fill several windows."""


@pytest.fixture
async def busy(monkeypatch: pytest.MonkeyPatch) -> World:
    """Return a world with two events of each of many orders, and a relay with enough time."""
    monkeypatch.setattr(relay_outbox, "BEGIN_WITHIN", timedelta(hours=1))
    world = World()
    for attempt in ("first", "second"):
        work = world.database.begin()
        for order_id in MANY:
            payment = PaymentId(f"{attempt}-{order_id}")
            work.outbox.add(PaymentFailed(payment, order_id, attempt))
        await work.commit()
    return world


def is_in_sequence(world: World) -> bool:
    """Whether of every order, the first event was first delivered before the second one."""
    delivered = [event.id for event in world.events]
    place = {event_id: number for number, event_id in reversed(list(enumerate(delivered)))}
    first, second = "payment:failed:first-", "payment:failed:second-"
    return all(place[f"{first}{each}"] < place[f"{second}{each}"] for each in MANY)


async def test_events_of_different_orders_are_published_in_windows(busy: World) -> None:
    busy.steps.clear()
    assert await relay(busy, limit=10_000) == 2 * len(MANY)
    assert busy.steps.count("take from outbox") == 1
    assert busy.steps.count("publish") == busy.steps.count("mark sent") == 2 * (LANES + 1)
    assert is_in_sequence(busy)
    assert busy.unsent_events == 0


@pytest.mark.parametrize("failing", ["publish", "published", "mark sent"])
@pytest.mark.parametrize("number", range(4))
async def test_a_window_that_fails_loses_nothing_and_changes_no_sequence(
    busy: World, failing: str, number: int
) -> None:
    error = StorageUnavailable() if failing == "mark sent" else BrokerUnavailable()
    busy.checkpoint = FailAt(number, error, {failing})
    with pytest.raises((BrokerUnavailable, StorageUnavailable)):
        await relay(busy, limit=10_000)
    busy.checkpoint = proceed
    busy.broker.forget_ids()
    assert await relay(busy, limit=10_000) > 0
    assert busy.unsent_events == 0
    assert is_in_sequence(busy)


async def test_no_window_begins_when_the_lease_may_end_before_its_replies(
    busy: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_outbox, "BEGIN_WITHIN", timedelta(0))
    assert await relay(busy, limit=10_000) == LANES * WINDOW
    assert await relay(busy, limit=10_000) > 0


async def test_after_a_failure_no_further_window_begins_and_those_that_have_begun_end(
    busy: World,
) -> None:
    reached = 0

    async def fail_first(step: str) -> None:
        nonlocal reached
        if step == "publish":
            reached += 1
            is_first = reached == 1
            for _ in range(10 if is_first else 30):
                await asyncio.sleep(0)
            if is_first:
                raise BrokerUnavailable("no reply")

    busy.checkpoint = fail_first
    busy.steps.clear()
    with pytest.raises(BrokerUnavailable):
        await relay(busy, limit=len(MANY))
    assert busy.steps.count("publish") == LANES
    ended = list(busy.steps)
    assert ended.count("mark sent") == LANES - 1
    for _ in range(100):
        await asyncio.sleep(0)
    assert busy.steps == ended


@pytest.mark.parametrize("number", [1, WINDOW + 1])
async def test_every_event_is_given_to_the_broker_once(busy: World, number: int) -> None:
    given: list[EventId] = []

    class Counting(InMemoryPublisher):
        async def publish(self, entries: Sequence[OutboxEntry]) -> PublishResult:
            given.extend(each.event.id for each in entries)
            return await super().publish(entries)

    use_case = evolve(busy.use_cases().relay_outbox, publisher=Counting(busy.broker))
    assert await use_case.run_once(number) == number
    assert len(given) == len(set(given)) == number
    assert "park" not in busy.steps


async def test_the_later_events_of_an_order_wait_if_the_lease_may_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_outbox, "BEGIN_WITHIN", timedelta(0))
    assert [await relay(world) for _ in range(4)] == [len(ORDERS)] * 3 + [0]
    assert subjects(world) == SEQUENCE


def take_time(world: World, monkeypatch: pytest.MonkeyPatch, at: str, share: float) -> None:
    """Let a step take this share of the time within which a round has to begin."""
    seconds = 0.0

    async def checkpoint(step: str) -> None:
        nonlocal seconds
        if step == at:
            seconds += share * relay_outbox.BEGIN_WITHIN.total_seconds()

    monkeypatch.setattr(relay_outbox, "_now", lambda: seconds)
    world.checkpoint = checkpoint


async def test_the_time_of_every_round_is_counted_from_the_lease_that_they_share(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_time(world, monkeypatch, "publish", 0.6)
    assert [await relay(world) for _ in range(3)] == [2 * len(ORDERS), len(ORDERS), 0]
    assert subjects(world) == SEQUENCE


async def test_the_time_begins_before_the_lease_is_taken(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database may have begun the lease long before its reply arrives."""
    take_time(world, monkeypatch, "take from outbox", 1.0)
    assert [await relay(world) for _ in range(4)] == [len(ORDERS)] * 3 + [0]
    assert subjects(world) == SEQUENCE


async def test_a_broker_that_may_not_be_used_is_an_alert(world: World) -> None:
    unsuitable = BrokerUnsuitable(AlertKind.CONSUMER_UNSUITABLE, "PAYMENTS", "it forgets")
    world.checkpoint = FailAt(0, unsuitable, {"publish"})
    with pytest.raises(BrokerUnsuitable):
        await relay(world)
    alerts = [(each.kind, each.subject) for each in await world.alerts.list_current()]
    assert alerts == [(AlertKind.CONSUMER_UNSUITABLE, "PAYMENTS")]
    await world.come_to_rest()
