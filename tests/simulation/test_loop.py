"""The simulated loop: seeded, on a virtual clock, with crashes that clean nothing up."""

import asyncio
import os
import random
import threading
import time
import uuid
from types import ModuleType

import pytest

from payments_kit.simulation.loop import (
    Forbidden,
    SimulatedLoop,
    SimulatedProcess,
    Stuck,
    TooLong,
    current_life,
    let_others_run,
)


def order_of(seed: int) -> list[int]:
    done: list[int] = []

    async def one(number: int) -> None:
        for _ in range(3):
            await let_others_run()
            done.append(number)

    async def all_of_them() -> None:
        await asyncio.gather(*(one(number) for number in range(5)))

    SimulatedLoop(seed).simulate(all_of_them())
    return done


def test_a_seed_decides_the_order() -> None:
    assert order_of(1) == order_of(1)
    assert len({tuple(order_of(seed)) for seed in range(10)}) > 5


def test_the_clock_jumps_to_the_next_timer() -> None:
    loop = SimulatedLoop(1)

    async def a_day() -> float:
        await asyncio.sleep(86_400)
        return loop.time()

    assert loop.simulate(a_day()) == 86_400


def test_a_timeout_ends_at_its_virtual_time() -> None:
    loop = SimulatedLoop(1)

    async def waiting() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.sleep(10)
        return loop.time()

    assert loop.simulate(waiting()) == 5


@pytest.mark.parametrize("dies_at", range(1, 8))
def test_a_crash_at_any_step_runs_nothing_more_of_the_process(dies_at: int) -> None:
    loop, life, seen = SimulatedLoop(1), SimulatedProcess("process"), []
    life.dies_at = dies_at

    async def process() -> None:
        try:
            for step in range(20):
                seen.append(step)
                await asyncio.create_task(asyncio.sleep(1))
        finally:
            seen.append(-1)

    async def outside() -> None:
        task = loop.spawn(life, process())
        await asyncio.wait([task], timeout=100)

    loop.simulate(outside())
    assert life.is_dead
    assert life.steps == dies_at
    assert -1 not in seen


def test_a_process_that_sleeps_goes_on_where_it_was() -> None:
    loop, life, seen = SimulatedLoop(1), SimulatedProcess("process"), []

    async def process() -> None:
        for _ in range(3):
            seen.append(loop.time())
            await asyncio.sleep(1)

    async def outside() -> None:
        task = loop.spawn(life, process())
        await asyncio.sleep(0.5)
        loop.put_to_sleep(life, 60)
        await task

    loop.simulate(outside())
    assert seen == [0, 60.5, 61.5]


def test_a_task_belongs_to_the_process_that_began_it() -> None:
    loop, life = SimulatedLoop(1), SimulatedProcess("process")

    async def child() -> SimulatedProcess | None:
        return current_life()

    async def process() -> SimulatedProcess | None:
        return await asyncio.create_task(child())

    async def outside() -> tuple[SimulatedProcess | None, SimulatedProcess | None]:
        return await loop.spawn(life, process()), current_life()

    assert loop.simulate(outside()) == (life, None)


def test_waiting_for_nothing_is_an_error() -> None:
    loop = SimulatedLoop(1)

    async def for_ever() -> None:
        await loop.create_future()

    with pytest.raises(Stuck):
        loop.simulate(for_ever())


def test_a_run_without_an_end_is_an_error() -> None:
    loop = SimulatedLoop(1, most_steps=100)

    async def for_ever() -> None:
        while loop.time() >= 0:
            await let_others_run()

    with pytest.raises(TooLong):
        loop.simulate(for_ever())


def test_an_error_that_nobody_waits_for_ends_the_run() -> None:
    loop = SimulatedLoop(1)

    async def wrong() -> None:
        raise ZeroDivisionError

    async def outside() -> None:
        loop.begin(None, wrong())
        await asyncio.sleep(10)

    with pytest.raises(ZeroDivisionError):
        loop.simulate(outside())


@pytest.mark.parametrize(
    ("module", "name"),
    [(time, "time"), (time, "monotonic"), (uuid, "uuid4"), (random, "random"), (os, "urandom")],
    ids=lambda part: getattr(part, "__name__", part),
)
def test_what_no_seed_decides_is_forbidden(module: ModuleType, name: str) -> None:
    given = (1,) if module is os else ()

    async def using() -> None:
        getattr(module, name)(*given)

    with pytest.raises(Forbidden, match=name):
        SimulatedLoop(1).simulate(using())
    getattr(module, name)(*given)  # afterwards it is as it was


def test_threads_are_forbidden() -> None:
    async def using() -> None:
        await asyncio.to_thread(int)

    with pytest.raises(Forbidden):
        SimulatedLoop(1).simulate(using())


def test_other_threads_keep_their_clocks() -> None:
    told: list[float] = []
    over = threading.Event()

    def telling() -> None:
        while not over.is_set():
            told.append(time.monotonic())

    async def waiting() -> None:
        heard = len(told)
        while len(told) == heard:  # the interpreter lets the other thread run in between
            pass

    thread = threading.Thread(target=telling, daemon=True)
    thread.start()
    try:
        SimulatedLoop(1).simulate(waiting())
    finally:
        over.set()
        thread.join()
