"""Loops go on after every failure, and finish their work before they stop."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from attrs import define, field

from application.acting import current_actor
from application.ports.event_publisher import BrokerUnavailable
from application.ports.unit_of_work import StorageUnavailable
from domain.actor import RECOVERY, Actor
from entrypoints.worker.loops import (
    MAX_PAUSE_SECONDS,
    Loop,
    Pacing,
    Signal,
    random_jitter,
    run_loops,
)
from tests.checkpoints import TIMEOUT

IDLE = 7.0


def scripted(stop: asyncio.Event, *steps: int | Exception) -> Callable[[], Awaitable[int]]:
    """Return a `run_once` that plays these steps and then sets `stop`."""
    remaining = list(steps)

    async def run_once() -> int:
        step = remaining.pop(0)
        if not remaining:
            stop.set()
        if isinstance(step, Exception):
            raise step
        return step

    return run_once


@pytest.mark.parametrize(
    ("steps", "pauses"),
    [
        ((3, 1), []),
        ((3, 0, 1), [IDLE]),
        ((StorageUnavailable(), BrokerUnavailable(), ValueError(), 0, 1), [0.2, 0.4, 0.8, IDLE]),
        ((ValueError(), 1, ValueError(), 1), [0.2, 0.2]),
        ((*[ValueError()] * 40, 1), [0.2, 0.4, 0.8, 1.6, 3.2, *[MAX_PAUSE_SECONDS] * 35]),
    ],
    ids=["busy", "idle", "every failure", "success resets the pause", "longest pause"],
)
async def test_a_loop_pauses_when_it_is_idle_and_longer_after_each_failure(
    steps: tuple[int | Exception, ...], pauses: list[float]
) -> None:
    stop, slept = asyncio.Event(), list[float]()

    async def sleep(seconds: float, _signal: Signal) -> None:
        slept.append(seconds)

    loop = Loop("work", scripted(stop, *steps), IDLE)
    await loop.run(stop, Pacing(sleep, jitter=lambda: 1.0))
    assert slept == pytest.approx(pauses)


async def test_a_signal_ends_the_pause_of_an_idle_loop() -> None:
    stop, signal = asyncio.Event(), asyncio.Event()
    loop = Loop("work", scripted(stop, 0, 1), idle_seconds=3600, signal=signal)
    running = asyncio.create_task(loop.run(stop))
    await asyncio.sleep(0)
    assert not running.done()
    signal.set()
    async with asyncio.timeout(TIMEOUT):
        await running


async def test_without_a_signal_an_idle_loop_looks_again_after_its_pause() -> None:
    stop, never = asyncio.Event(), asyncio.Event()
    loop = Loop("work", scripted(stop, 0, 0, 1), idle_seconds=0.001, signal=never)
    async with asyncio.timeout(TIMEOUT):
        await loop.run(stop)


async def test_a_loop_that_has_just_worked_looks_again_soon_and_then_less_and_less_often() -> None:
    stop, slept = asyncio.Event(), list[float]()

    async def sleep(seconds: float, _signal: Signal) -> None:
        slept.append(seconds)

    loop = Loop("work", scripted(stop, 1, 0, 0, 0, 0, 2, 0, 1), IDLE, first_idle_seconds=2.0)
    await loop.run(stop, Pacing(sleep))
    assert slept == [2.0, 4.0, IDLE, IDLE, 2.0]


@define
class Observed:
    """What an observer was told."""

    told: list[tuple[str, int | None]] = field(factory=list)

    def succeeded(self, loop: str, done: int) -> None:
        self.told.append((loop, done))

    def failed(self, loop: str) -> None:
        self.told.append((loop, None))


async def test_every_run_of_a_loop_is_observed_whatever_made_it_fail() -> None:
    async def sleep(_seconds: float, _signal: Signal) -> None:
        pass

    stop, observed = asyncio.Event(), Observed()
    steps = (2, StorageUnavailable(), BrokerUnavailable(), ValueError(), 0, 1)
    await Loop("work", scripted(stop, *steps)).run(stop, Pacing(sleep), observed)
    assert observed.told == [("work", done) for done in (2, None, None, None, 0, 1)]


async def test_a_loop_acts_as_its_actor() -> None:
    actors = []

    async def run_once() -> int:
        actors.append(current_actor())
        stop.set()
        return 0

    stop, actor = asyncio.Event(), Actor(RECOVERY)
    await Loop("work", run_once, idle_seconds=0, actor=actor).run(stop)
    assert actors == [actor]


def test_jitter_only_shortens_a_pause() -> None:
    assert all(0.5 <= random_jitter() <= 1 for _ in range(100))


async def test_a_stop_lets_the_current_work_finish_and_wakes_an_idle_loop() -> None:
    stop, begun, finished = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def run_once() -> int:
        begun.set()
        await stop.wait()
        await asyncio.sleep(0)
        finished.set()
        return 1

    idle = Loop("idle", lambda: asyncio.sleep(0, result=0), idle_seconds=3600)
    running = asyncio.create_task(run_loops([Loop("work", run_once), idle], stop))
    async with asyncio.timeout(TIMEOUT):
        await begun.wait()
        stop.set()
        await running
    assert finished.is_set()


async def test_a_loop_that_ends_by_itself_stops_the_worker() -> None:
    async def cancelled() -> int:
        raise asyncio.CancelledError

    stop, idle = asyncio.Event(), Loop("idle", lambda: asyncio.sleep(0, result=0), 3600)
    async with asyncio.timeout(TIMEOUT):
        await run_loops([Loop("cancelled", cancelled), idle], stop)
    assert stop.is_set()
