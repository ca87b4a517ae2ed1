"""The service as a process on in-memory adapters; service.py starts it.

It prints `charging` when it calls the gateway, and at its end the statuses of the payments.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final, NoReturn

from attrs import evolve

from entrypoints.http import requests, server
from entrypoints.http.dependencies import HttpDependencies
from tests.entrypoints.http.world import HttpWorld

# Longer than any test waits: a connection must end with its last reply, not because it is idle.
NEVER: Final = 3600.0


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
    try:
        yield world.dependencies()
    finally:
        statuses = [payment.status.value for payment in world.order().payments]
        print(f"closed {' '.join(statuses)}".rstrip(), flush=True)


async def _fail(*_: object, **__: object) -> None:
    raise ZeroDivisionError("a bug")


def main(
    host: str = "127.0.0.1",
    port: int = 0,
    charge_seconds: float = 0,
    body_seconds: float = requests.BODY_SECONDS,
    idle_seconds: float = NEVER,
    stop_seconds: float = server.STOP_SECONDS,
    drain_seconds: int = 0,
    fails_to_serve: bool = False,
) -> NoReturn:
    requests.BODY_SECONDS = body_seconds  # type: ignore[misc]  # shorter, so that tests are fast
    server.IDLE_SECONDS = idle_seconds  # type: ignore[misc]
    server.STOP_SECONDS = stop_seconds  # type: ignore[misc]
    if fails_to_serve:
        server._Server.startup = _fail  # type: ignore[method-assign]
    world = HttpWorld()
    world.settings = evolve(world.settings, host=host, port=port, drain_seconds=drain_seconds)
    server.serve(open_dependencies(world, charge_seconds))
