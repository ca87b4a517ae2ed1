"""A world with one order, a client of the service, and the log of the service."""

import io
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import structlog

from entrypoints.logs import configure_logs
from tests.entrypoints.http.world import Client, HttpWorld


@pytest.fixture
async def world() -> HttpWorld:
    """The world with the default order."""
    world = HttpWorld()
    await world.create_order()
    return world


@pytest.fixture
async def client(world: HttpWorld) -> AsyncIterator[Client]:
    """A client of the service in that world."""
    async with world.client() as client:
        yield client


@pytest.fixture
def logged() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Return the lines that the service has logged so far, without those of its client."""
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
