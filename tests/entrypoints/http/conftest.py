"""A world with one order in it, and a client."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.entrypoints.http.world import World


@pytest.fixture
async def world() -> World:
    """Everything around the service; one order has been heard of."""
    world = World()
    await world.hear()
    return world


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the service in that world."""
    async with world.client() as client:
        yield client
