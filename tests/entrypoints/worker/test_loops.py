"""The loops go on whatever happens, and stop without dropping what they hold."""

import asyncio
from collections.abc import Awaitable, Callable

from application.ports.event_publisher import BrokerUnavailable
from application.ports.unit_of_work import StorageUnavailable
from entrypoints.worker.loops import Loop, run_loops

# Generous: only a loop that never ends would use it up.
TIMEOUT = 20


def scripted(stop: asyncio.Event, *steps: int | Exception) -> Callable[[], Awaitable[int]]:
    """A run_once that plays these steps and then asks to stop."""
    left = list(steps)

    async def run_once() -> int:
        if not left:
            stop.set()
            return 0
        step = left.pop(0)
        if isinstance(step, Exception):
            raise step
        return step

    return run_once


async def test_a_loop_goes_on_after_every_kind_of_failure() -> None:
    stop = asyncio.Event()
    steps = (3, StorageUnavailable("down"), BrokerUnavailable("down"), ValueError("bug"), 0, 1)
    async with asyncio.timeout(TIMEOUT):
        await run_loops([Loop("work", scripted(stop, *steps), idle_seconds=0)], stop)


async def test_a_stop_lets_the_piece_of_work_finish() -> None:
    stop, begun, finished = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def run_once() -> int:
        begun.set()
        await stop.wait()
        await asyncio.sleep(0)
        finished.set()
        return 1

    running = asyncio.create_task(run_loops([Loop("work", run_once)], stop))
    async with asyncio.timeout(TIMEOUT):
        await begun.wait()
        stop.set()
        await running
    assert finished.is_set()


async def test_a_stop_wakes_an_idle_loop() -> None:
    stop = asyncio.Event()
    idle = Loop("idle", lambda: asyncio.sleep(0, result=0), idle_seconds=3600)
    running = asyncio.create_task(run_loops([idle], stop))
    await asyncio.sleep(0)
    stop.set()
    async with asyncio.timeout(TIMEOUT):
        await running
