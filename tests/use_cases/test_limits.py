"""How often something is tried, and how much is done at once."""

import pytest

from adapters.gateways.in_memory import InMemoryGateway
from application.ports.payment_gateway import GatewayUnavailable
from application.ports.unit_of_work import Conflict, StorageUnavailable
from application.retry import MAX_ATTEMPTS, RetryOnConflict
from application.use_cases.claim_order import MAX_CLAIMS
from domain.payment_status import PaymentStatus
from tests.builders import ORDER
from tests.world import World


async def test_a_decision_is_tried_twenty_times(world: World) -> None:
    async def conflict(step: str) -> None:
        if step == "commit":
            raise Conflict("another writer")

    world.checkpoint = conflict
    with pytest.raises(StorageUnavailable):
        await world.create_order()
    assert world.steps.count("commit") == world.steps.count("read orders") == 20
    assert MAX_ATTEMPTS == 20


async def test_a_decision_continues_a_unit_of_work_once(world: World) -> None:
    await world.create_order()
    conflicts = 1

    async def conflict(step: str) -> None:
        nonlocal conflicts
        if step == "commit" and conflicts:
            conflicts -= 1
            raise Conflict("another writer")

    seen = []

    async def decision(work: object) -> None:
        seen.append(work)

    retry = RetryOnConflict(world.use_cases().create_charge.claim.retry.begin)
    first = retry.begin()
    world.checkpoint = conflict
    order = await first.orders.get(ORDER)
    assert order is not None
    first.orders.save(order.complete())
    await retry(decision, first)
    assert seen[0] is first
    assert len(seen) == 2
    assert seen[1] is not first


async def test_an_order_is_claimed_twice_while_connections_are_lost() -> None:
    world = World(gateway_type=InMemoryGateway)
    await world.create_order()

    async def lose_connections(step: str) -> None:
        if step == "committed":
            world.database.copy += 1

    use_cases = world.use_cases()
    await use_cases.books_guards.default()
    world.steps.clear()
    world.checkpoint = lose_connections
    with pytest.raises(GatewayUnavailable):
        await world.pay()
    assert "charge" not in world.steps
    assert [each.status for each in world.order().payments] == [PaymentStatus.ABANDONED] * 2
    assert MAX_CLAIMS == 2
