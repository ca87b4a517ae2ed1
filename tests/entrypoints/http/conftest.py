"""A world with one order in it, a client, and what the service logs."""

import io
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest
import structlog

from entrypoints.logs import configure_logs
from tests.entrypoints.http.world import World


@pytest.fixture
async def world() -> World:
    """Everything around the service; one order has been heard of."""
    world = World()
    await world.apply()
    return world


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the service in that world."""
    async with world.client() as client:
        yield client


@pytest.fixture
def logged() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """The lines that the service has logged so far, but not what its client has."""
    root, stream = logging.getLogger(), io.StringIO()
    handlers, level, before = root.handlers[:], root.level, structlog.get_config()
    configure_logs(stream)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    finally:
        logging.getLogger("httpx").setLevel(logging.NOTSET)
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.configure(**before)
