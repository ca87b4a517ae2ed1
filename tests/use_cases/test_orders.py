"""ReplicateOrder, CancelOrder and CompleteOrder give the same result for any order of delivery."""

from collections.abc import Awaitable, Callable
from itertools import permutations

import pytest

from adapters.gateways.in_memory import GatewayFaultKind
from adapters.persistence.in_memory import InMemoryStreamPositions
from application.application import UseCases
from application.ports.stream_positions import EventPosition
from application.ports.unit_of_work import Conflict, StorageUnavailable
from application.use_cases.cancel_order import OrderCancellation
from domain.claim import OrderNotFound
from domain.identifiers import OrderId
from domain.payment_status import PaymentStatus
from domain.replica import OrderReplica, OrderStatus
from tests.builders import NOW, ORDER, PRICE, after, cancelled_event, created_event, dollars
from tests.checkpoints import FailAt
from tests.world import AUTHENTICATING, World

EVENTS = [
    created_event(),
    created_event(version=2, price=dollars("7")),
    cancelled_event(version=3),
    created_event("order-2"),
]

# --- replicating --------------------------------------------------------------------------------


@pytest.mark.parametrize("sequence", list(permutations(EVENTS)), ids=range(24))
async def test_one_batch_or_many_in_any_sequence_give_the_same_replicas(
    world: World, sequence: tuple[OrderReplica, ...]
) -> None:
    one_batch = World()
    await one_batch.replicate(*EVENTS, *EVENTS)
    for event in sequence:
        await world.replicate(event)
    assert {order.replica for order in world.orders} == {o.replica for o in one_batch.orders}
    assert world.order().is_cancelled
    assert not world.violations


async def test_a_batch_is_one_read_and_one_commit(world: World) -> None:
    await world.replicate(*(created_event(f"order-{number}") for number in range(500)))
    assert world.steps == ["read orders", "commit", "committed"]
    assert len(world.orders) == 500


async def test_a_repeated_event_writes_nothing(world: World) -> None:
    await world.replicate(*EVENTS)
    world.steps.clear()
    await world.replicate(*EVENTS)
    assert world.steps == ["read orders"]


async def test_a_batch_is_committed_as_a_whole_or_not_at_all(world: World) -> None:
    world.failing.add("commit")
    with pytest.raises(StorageUnavailable):
        await world.replicate(*EVENTS)
    assert not world.orders
    world.failing.clear()
    world.checkpoint = FailAt(0, Conflict("reply lost"), {"committed"})
    await world.replicate(*EVENTS)
    once = World()
    await once.replicate(*EVENTS)
    assert world.orders == once.orders


# --- cancelling ---------------------------------------------------------------------------------


async def test_a_cancelled_paid_order_is_refunded_once(world: World) -> None:
    await world.create_order()
    await world.pay()
    for _ in range(2):
        await world.cancel_order()
    assert world.balance == PRICE.minor_units
    await world.come_to_rest()
    assert (world.balance, len(world.refunds)) == (0, 1)
    assert [world.count_events(f"payment:{what}") for what in ("created", "refunded")] == [1, 1]


@pytest.mark.parametrize(
    ("authenticated", "status"), [(False, PaymentStatus.FAILED), (True, PaymentStatus.REVERSED)]
)
async def test_a_payment_that_waits_for_its_customer_is_cancelled_or_refunded_with_its_order(
    world: World, authenticated: bool, status: PaymentStatus
) -> None:
    await world.create_order()
    await world.pay(AUTHENTICATING)
    if authenticated:
        await world.gateway.complete_authentication(world.payment().id, succeeded=True)
    await world.cancel_order()
    await world.recover()
    assert world.payment().status is status
    await world.gateway.complete_authentication(world.payment().id, succeeded=True)
    await world.come_to_rest()
    assert (world.balance, len(world.charges)) == (0, authenticated)


# --- expiring -----------------------------------------------------------------------------------


async def test_a_charge_that_ends_after_the_expiry_is_given_back(world: World) -> None:
    await world.create_order(expires_at=after(seconds=2))
    world.faults.add("charge", GatewayFaultKind.SLOW, 3)
    assert (await world.pay()).payment.status is PaymentStatus.REVERSED
    await world.come_to_rest()
    assert world.balance == 0
    assert not world.count_events("payment:created")


async def test_an_order_that_expires_keeps_a_payment_and_ends_an_authentication(
    world: World,
) -> None:
    await world.create_order(expires_at=after(minutes=1))
    await world.create_order("order-2", expires_at=after(minutes=1))
    await world.pay(order_id=OrderId("order-2"))
    await world.pay(AUTHENTICATING)
    world.advance(minutes=1)
    await world.deliver_notifications()
    await world.recover()
    assert world.payment().status is PaymentStatus.FAILED
    await world.come_to_rest()
    assert world.balance == PRICE.minor_units


# --- completing ---------------------------------------------------------------------------------


async def test_a_repeated_completion_changes_nothing_and_leaves_the_payment(world: World) -> None:
    await world.create_order("order-2")
    await world.create_order()
    paid = (await world.pay()).payment
    for order_id in (ORDER, OrderId("order-2")) * 2:
        world.steps.clear()
        await world.use_cases().complete_order(order_id)
        assert world.order(order_id).status is OrderStatus.COMPLETE
    assert world.steps == ["read orders"]
    assert world.payment() == paid


async def test_a_cancelled_or_unknown_order_never_becomes_complete(world: World) -> None:
    with pytest.raises(OrderNotFound):
        await world.use_cases().complete_order(ORDER)
    await world.create_order()
    await world.cancel_order()
    await world.use_cases().complete_order(ORDER)
    assert world.order().is_cancelled


# --- positions of the events ---------------------------------------------------------------------

POSITION = EventPosition("ORDERS", "payments", 7, NOW)


async def replicate(use_cases: UseCases) -> None:
    await use_cases.replicate_order([created_event()], [POSITION])


async def cancel(use_cases: UseCases) -> None:
    await use_cases.cancel_order([OrderCancellation(ORDER, 1)], [POSITION])


async def complete(use_cases: UseCases) -> None:
    await use_cases.complete_order(ORDER, [POSITION])


async def give_up(use_cases: UseCases) -> None:
    await use_cases.advance_positions([POSITION])


@pytest.mark.parametrize("apply", [replicate, cancel, complete, give_up])
@pytest.mark.parametrize("is_repeated", [False, True])
async def test_the_commit_that_applies_an_event_records_its_position(
    world: World, apply: Callable[[UseCases], Awaitable[None]], is_repeated: bool
) -> None:
    await world.create_order()
    positions = InMemoryStreamPositions(world.database)
    assert await positions.bind(await positions.copy(), "ORDERS", "payments", "1", "1", 0)
    if is_repeated:  # it changes nothing else
        await apply(world.use_cases())
        assert await positions.bind(await positions.copy(), "ORDERS", "payments", "2", "2", 0)
    await apply(world.use_cases())
    position = await positions.read("ORDERS", "payments")
    assert position is not None
    assert (position.applied, position.applied_at) == (7, NOW)
