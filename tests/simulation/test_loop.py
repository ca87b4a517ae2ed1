"""The simulated loop: seeded, on a virtual clock, with crashes without cleanup."""

import asyncio
import os
import random
import threading
import time
import uuid
from functools import partial
from types import ModuleType

import pytest

from entrypoints.worker import loops
from payments_kit.simulation.forbidden import Forbidden
from payments_kit.simulation.loop import Deadlock, RunTooLong, SimulatedLoop, yield_once
from payments_kit.simulation.pauses import sleep_or_wake
from payments_kit.simulation.process import SimulatedProcess, current_process


@pytest.fixture
def loop() -> SimulatedLoop:
    return SimulatedLoop(1, max_steps=10_000)


def order_of(seed: int) -> list[int]:
    done: list[int] = []

    async def one(number: int) -> None:
        for _ in range(3):
            await yield_once()
            done.append(number)

    async def all_of_them() -> None:
        await asyncio.gather(*(one(number) for number in range(5)))

    SimulatedLoop(seed).simulate(all_of_them())
    return done


def test_a_seed_decides_the_order_of_steps() -> None:
    assert order_of(1) == order_of(1)
    assert len({tuple(order_of(seed)) for seed in range(10)}) > 5


def test_the_clock_jumps_to_the_next_timer(loop: SimulatedLoop) -> None:
    async def wait() -> tuple[float, float]:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.sleep(10)
        timed_out_at = loop.time()
        await asyncio.sleep(86_400)
        return timed_out_at, loop.time()

    assert loop.simulate(wait()) == (5, 86_405)


@pytest.mark.parametrize("crash_at", range(1, 8))
def test_a_process_that_crashes_runs_nothing_more(crash_at: int, loop: SimulatedLoop) -> None:
    simulated, seen = SimulatedProcess("process"), []
    simulated.crash_at_step = crash_at

    async def process() -> None:
        try:
            for step in range(20):
                seen.append(step)
                await asyncio.create_task(asyncio.sleep(1))
        finally:
            seen.append(-1)

    async def outside() -> None:
        await asyncio.wait([loop.spawn(simulated, process())], timeout=100)

    loop.simulate(outside())
    assert simulated.is_crashed
    assert simulated.steps == crash_at
    assert -1 not in seen


def test_a_paused_process_continues_where_it_was(loop: SimulatedLoop) -> None:
    simulated, seen = SimulatedProcess("process"), []

    async def process() -> None:
        for _ in range(3):
            seen.append(loop.time())
            await asyncio.sleep(1)

    async def outside() -> None:
        task = loop.spawn(simulated, process())
        await asyncio.sleep(0.5)
        loop.pause(simulated, 60)
        await task

    loop.simulate(outside())
    assert seen == [0, 60.5, 61.5]


def test_a_task_belongs_to_the_process_that_started_it(loop: SimulatedLoop) -> None:
    simulated = SimulatedProcess("process")

    async def child() -> SimulatedProcess | None:
        return current_process()

    async def process() -> SimulatedProcess | None:
        return await asyncio.create_task(child())

    async def outside() -> tuple[SimulatedProcess | None, SimulatedProcess | None]:
        return await loop.spawn(simulated, process()), current_process()

    assert loop.simulate(outside()) == (simulated, None)


def test_a_run_without_an_end_is_an_error(loop: SimulatedLoop) -> None:
    async def wait_for_nothing() -> None:
        await asyncio.get_running_loop().create_future()

    async def run_forever() -> None:
        while loop.time() >= 0:
            await yield_once()

    with pytest.raises(Deadlock):
        SimulatedLoop(1).simulate(wait_for_nothing())
    with pytest.raises(RunTooLong):
        loop.simulate(run_forever())


def test_an_error_in_a_task_that_is_not_awaited_ends_the_run(loop: SimulatedLoop) -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    async def outside() -> None:
        loop.start(None, fail())
        await asyncio.sleep(10)

    with pytest.raises(ZeroDivisionError):
        loop.simulate(outside())


@pytest.mark.parametrize(
    ("module", "name"),
    [(time, "time"), (time, "monotonic"), (uuid, "uuid4"), (random, "random"), (os, "urandom")],
    ids=lambda part: getattr(part, "__name__", part),
)
def test_what_no_seed_decides_is_forbidden_during_a_run(
    module: ModuleType, name: str, loop: SimulatedLoop
) -> None:
    args = (1,) if module is os else ()

    async def call() -> None:
        getattr(module, name)(*args)

    with pytest.raises(Forbidden, match=name):
        loop.simulate(call())
    getattr(module, name)(*args)


def test_starting_a_thread_is_forbidden(loop: SimulatedLoop) -> None:
    async def call() -> None:
        await asyncio.to_thread(int)

    with pytest.raises(Forbidden):
        loop.simulate(call())


def test_other_threads_may_use_their_clocks(loop: SimulatedLoop) -> None:
    times: list[float] = []
    is_over = threading.Event()

    def read_clock() -> None:
        while not is_over.is_set():
            times.append(time.monotonic())

    async def wait() -> None:
        known = len(times)
        while len(times) == known:  # the interpreter switches to the other thread in between
            pass

    thread = threading.Thread(target=read_clock, daemon=True)
    thread.start()
    try:
        loop.simulate(wait())
    finally:
        is_over.set()
        thread.join()


@pytest.mark.parametrize("seed", range(20))
def test_a_pause_ends_as_with_the_function_of_the_worker(seed: int) -> None:
    def run(*, is_own: bool) -> tuple[list[object], int]:
        loop, seen = SimulatedLoop(seed), list[object]()
        signals = [asyncio.Event() for _ in range(3)]
        sleep = loops.sleep_or_wake if is_own else partial(sleep_or_wake, loop)

        async def pause(number: int) -> None:
            try:
                for _ in range(10):
                    await sleep(1 + int(loop.draw() * 3), signals[number % 3])
                    signals[number % 3].clear()
                    seen.append((number, loop.time()))
            except asyncio.CancelledError:
                seen.append((number, "cancelled"))

        async def main() -> None:
            pauses = [asyncio.create_task(pause(number)) for number in range(6)]
            for signal in signals * 4:
                await asyncio.sleep(round(loop.draw() * 3))
                signal.set()
            pauses[0].cancel()
            await asyncio.wait(pauses)

        loop.simulate(main())
        return seen, loop.steps

    assert run(is_own=True) == run(is_own=False)
