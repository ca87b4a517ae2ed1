"""A real service in a process of its own, on parts in memory: `python -m … '<json>'`.

On stdout it says `charging` when the gateway is asked, and at its end what became of the payments.
"""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from typing import NoReturn

from entrypoints.http import requests, server
from entrypoints.http.dependencies import HttpDependencies
from entrypoints.logs import configure_logs
from tests.builders import created_event
from tests.entrypoints.http.world import World


def say(word: str) -> None:
    """Tell whoever runs this."""
    print(word, flush=True)


@contextlib.asynccontextmanager
async def open_dependencies(world: World, charge_seconds: float) -> AsyncIterator[HttpDependencies]:
    """A house with one order; its gateway takes its time."""

    async def take_time(step: str) -> None:
        if step == "charge":
            say("charging")
            await asyncio.sleep(charge_seconds)

    world.gateway.checkpoint = take_time
    await world.apply(created_event())
    yield world.dependencies()
    statuses = [payment.status.value for payment in world.order().payments]
    say(f"closed {' '.join(statuses)}".rstrip())


def main(
    host: str = "127.0.0.1",
    port: int = 0,
    charge_seconds: float = 0,
    body_seconds: float = requests.BODY_SECONDS,
    head_milliseconds: int = server.HEAD_MILLISECONDS,
    stop_seconds: float = server.STOP_SECONDS,
) -> NoReturn:
    """Serve until a signal."""
    requests.BODY_SECONDS = body_seconds  # type: ignore[misc]  # shorter than anybody would wait
    server.HEAD_MILLISECONDS = head_milliseconds  # type: ignore[misc]
    server.STOP_SECONDS = stop_seconds  # type: ignore[misc]
    configure_logs()
    world = World()
    world.client(host=host, port=port)
    server.serve_dependencies(open_dependencies(world, charge_seconds))


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
