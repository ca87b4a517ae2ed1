"""The service as a process on in-memory adapters; service.py starts it.

It prints `charging` when it calls the gateway, and at its end the statuses of the payments.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import NoReturn

from attrs import evolve

from entrypoints.http import requests, server
from entrypoints.http.dependencies import HttpDependencies
from tests.entrypoints.http.world import HttpWorld


@contextlib.asynccontextmanager
async def open_dependencies(
    world: HttpWorld, charge_seconds: float
) -> AsyncIterator[HttpDependencies]:
    """Open dependencies with one order; a charge takes this many seconds."""

    async def slow_charge(step: str) -> None:
        if step == "charge":
            print("charging", flush=True)
            await asyncio.sleep(charge_seconds)

    await world.create_order()
    world.checkpoint = slow_charge
    yield world.dependencies()
    statuses = [payment.status.value for payment in world.order().payments]
    print(f"closed {' '.join(statuses)}".rstrip(), flush=True)


def main(
    host: str = "127.0.0.1",
    port: int = 0,
    charge_seconds: float = 0,
    body_seconds: float = requests.BODY_SECONDS,
    idle_seconds: float = server.IDLE_SECONDS,
    stop_seconds: float = server.STOP_SECONDS,
    drain_seconds: int = 0,
) -> NoReturn:
    requests.BODY_SECONDS = body_seconds  # type: ignore[misc]  # shorter, so that tests are fast
    server.IDLE_SECONDS = idle_seconds  # type: ignore[misc]
    server.STOP_SECONDS = stop_seconds  # type: ignore[misc]
    world = HttpWorld()
    world.settings = evolve(world.settings, host=host, port=port, drain_seconds=drain_seconds)
    server.serve(open_dependencies(world, charge_seconds))
