"""Pauses on the simulated loop, which happen more often than anything else in a run."""

import asyncio
import types
from collections.abc import Generator
from typing import Any

from entrypoints.worker.loops import Signal
from payments_kit.simulation.loop import SimulatedLoop


async def sleep(loop: SimulatedLoop, seconds: float) -> None:
    """Wait for this virtual time, like `asyncio.sleep` with less overhead."""
    over = loop.create_future()
    timer = loop.call_later(seconds, _end, over)
    try:
        await over
    finally:
        timer.cancel()


@types.coroutine
def sleep_or_wake(loop: SimulatedLoop, seconds: float, signal: Signal) -> Generator[Any, Any, None]:
    """Wait for this time, or until there is a signal.

    The worker's own function waits with `asyncio.timeout`, whose exceptions took a tenth of a
    run: idle loops wait more often than anything else happens.
    """
    waits: list[asyncio.Future[object]] = []
    timer = loop.call_later(seconds, _give_up, waits)
    waiting = signal.wait()
    try:
        waits.append(waiting.send(None))
        yield waits[0]
        if waits:
            waiting.send(None)
    except StopIteration:  # the signal was given
        return
    finally:
        timer.cancel()
        waiting.close()


def _end(wait: "asyncio.Future[None]") -> None:
    if not wait.done():
        wait.set_result(None)


def _give_up(waits: "list[asyncio.Future[object]]") -> None:
    """End a wait for a signal, and show it that there was none."""
    wait = waits.pop()
    if not wait.done():
        wait.set_result(None)
