"""A world with one order, and an operator at the console."""

import pytest

from tests.entrypoints.console.world import ConsoleWorld, Visitor


@pytest.fixture
async def world() -> ConsoleWorld:
    world = ConsoleWorld()
    await world.create_order()
    return world


@pytest.fixture
async def visitor(world: ConsoleWorld) -> Visitor:
    return await world.operator()
