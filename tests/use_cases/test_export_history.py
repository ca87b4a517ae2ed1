"""An exported history is whole, whatever is committed while it is written."""

import pytest

from adapters.persistence.in_memory import InMemoryHistoryRoots, InMemoryOrderHistories
from application.use_cases.export_history import ExportHistory
from domain.audit_file import VerifiedFile, verify
from domain.claim import OrderNotFound
from domain.identifiers import OrderId
from tests.builders import ORDER
from tests.checkpoints import proceed
from tests.world import World

STEPS = ("read history proof", "read history", "read history")
"""What an export of less than a page reads: an empty page is the end."""


async def export(world: World) -> VerifiedFile:
    """Export the history of the default order, and verify the file."""
    histories = InMemoryOrderHistories(world.database)
    exported = ExportHistory(histories, InMemoryHistoryRoots(world.database))(ORDER)
    return verify([line.encode() async for line in exported])


@pytest.fixture
async def world() -> World:
    """A world with a paid order whose history is in a root."""
    world = World()
    await world.create_order()
    await world.pay()
    await InMemoryHistoryRoots(world.database).record()
    return world


async def test_a_history_is_exported_with_the_root_that_contains_it(world: World) -> None:
    exported = await export(world)
    [root] = await InMemoryHistoryRoots(world.database).newest(9)
    assert (exported.root, exported.rooted) == (root.root, exported.entries)


@pytest.mark.parametrize("number", range(len(STEPS)))
async def test_an_export_verifies_although_a_change_and_its_root_come_in_between(
    world: World, number: int
) -> None:
    reached = list[str]()

    async def change(step: str) -> None:
        reached.append(step)
        if len(reached) == number + 1:
            world.checkpoint = proceed
            await world.cancel_order()
            await InMemoryHistoryRoots(world.database).record()
            world.checkpoint = change

    world.checkpoint = change
    exported = await export(world)
    assert tuple(reached[: len(STEPS)]) == STEPS
    assert 0 < exported.rooted <= exported.entries


async def test_an_order_without_a_history_is_not_found(world: World) -> None:
    roots = InMemoryHistoryRoots(world.database)
    with pytest.raises(OrderNotFound):
        async for _ in ExportHistory(InMemoryOrderHistories(world.database), roots)(OrderId("no")):
            pass
