"""A world with one order, and a client of the service."""

from collections.abc import AsyncIterator

import pytest

from tests.entrypoints.http.world import Client, HttpWorld


@pytest.fixture
async def world() -> HttpWorld:
    world = HttpWorld()
    await world.create_order()
    return world


@pytest.fixture
async def client(world: HttpWorld) -> AsyncIterator[Client]:
    async with world.client() as client:
        yield client
