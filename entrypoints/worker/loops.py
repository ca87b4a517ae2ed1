"""Loops: each repeats a limited amount of work until the worker stops."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

from attrs import frozen

from application.acting import acting
from application.ports.event_publisher import BrokerUnavailable
from application.ports.unit_of_work import StorageUnavailable
from domain.actor import THE_SERVICE, Actor
from entrypoints.worker.run_traces import TraceRun, no_trace

logger = logging.getLogger(__name__)

# The pause of a loop that found no work, and so the longest delay of new work. An attempt without
# work is one cheap statement.
IDLE_SECONDS: Final = 0.1

# The longest pause while PostgreSQL or NATS is down. JetStream took up to 7.4 s to elect a new
# leader when measured.
MAX_PAUSE_SECONDS: Final = 5.0

# Limits the exponent, so that the number stays small after many failures. MAX_PAUSE_SECONDS is
# reached before that: 0.1 s doubled six times is more than 5 s.
MAX_DOUBLINGS: Final = 10

# More than the 15 s that a charge or a refund may take, less than the 30 s that Kubernetes waits. A
# look-up that is cancelled is repeated by another worker.
GRACE_SECONDS: Final = 25.0


class Signal(Protocol):
    """What may end a pause: that the worker stops, or that there may be work."""

    async def wait(self) -> object:
        """Return when there was a signal."""


async def sleep_or_wake(seconds: float, signal: Signal) -> None:
    """Wait for this time, or until there is a signal."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await signal.wait()


def random_jitter() -> float:
    """Return a factor from 0.5 to 1, so that processes do not retry at the same moment."""
    return random.uniform(0.5, 1.0)  # noqa: S311 - not a secret


@frozen
class Pacing:
    """How loops wait. The simulation replaces both functions to control time and randomness."""

    sleep: Callable[[float, Signal], Awaitable[None]] = sleep_or_wake
    jitter: Callable[[], float] = random_jitter

    async def pause(self, failures: int, stop: asyncio.Event) -> None:
        """Wait after a failure: twice as long after each further one, up to MAX_PAUSE_SECONDS."""
        doubled = IDLE_SECONDS * 2 ** min(failures, MAX_DOUBLINGS)
        await self.sleep(min(MAX_PAUSE_SECONDS, doubled) * self.jitter(), stop)


REAL_PACING: Final = Pacing()


class LoopObserver(Protocol):
    """Observes how each run of a loop ends."""

    def succeeded(self, loop: str, done: int) -> None:
        """A run has done this much work."""

    def failed(self, loop: str) -> None:
        """A run has raised an exception."""


class NoObserver:
    """Ignores everything."""

    def succeeded(self, loop: str, done: int) -> None:
        """Do nothing."""

    def failed(self, loop: str) -> None:
        """Do nothing."""


NO_OBSERVER: Final = NoObserver()


@frozen
class Loop:
    """Some work that is repeated."""

    name: str
    run_once: Callable[[], Awaitable[int]]
    """Do a limited amount of work; return how much was done, 0 if there was nothing to do."""
    idle_seconds: float = IDLE_SECONDS
    """The pause when there was nothing to do."""
    signal: Signal | None = None
    """Ends this pause. The worker's stop does not end it then, so the pause must be short."""
    first_idle_seconds: float | None = None
    """The first of several pauses in a row, each twice as long as the one before."""
    actor: Actor = THE_SERVICE
    """Who changes the orders, for their histories."""
    trace: TraceRun = no_trace

    async def run(
        self,
        stop: asyncio.Event,
        pacing: Pacing = REAL_PACING,
        observer: LoopObserver = NO_OBSERVER,
    ) -> None:
        """Repeat the work until `stop` is set; work that has begun is finished first.

        An exception is logged and never ends the loop.
        """
        failures, pauses = 0, 0
        while not stop.is_set():
            done = await self._attempt(observer, failures)
            if done is None:
                failures += 1
                await pacing.pause(failures, stop)
                continue
            failures = 0
            if done:
                pauses = 0
            else:
                await pacing.sleep(self._idle_seconds(pauses), self.signal or stop)
                pauses += 1

    async def _attempt(self, observer: LoopObserver, failures: int) -> int | None:
        """Run once; return how much was done, or None if it failed."""
        trace = self.trace(self.name)
        with trace:
            try:
                done = await self._observed(observer)
            except (StorageUnavailable, BrokerUnavailable) as error:
                logger.warning("loop %s is retried after a pause: %s", self.name, error)
                trace.failed(error)
                return None
            except Exception as error:
                logger.exception("loop %s failed", self.name)
                trace.failed(error)
                return None
            if failures:
                logger.info("loop %s works again after %d failures", self.name, failures)
            trace.done(done)
            return done

    def _idle_seconds(self, pauses: int) -> float:
        if self.first_idle_seconds is None:
            return self.idle_seconds
        doubled: float = self.first_idle_seconds * 2 ** min(pauses, MAX_DOUBLINGS)
        return min(self.idle_seconds, doubled)

    async def _observed(self, observer: LoopObserver) -> int:
        try:
            with acting(self.actor):
                done = await self.run_once()
        except Exception:
            observer.failed(self.name)
            raise
        observer.succeeded(self.name, done)
        return done


async def run_loops(
    loops: Sequence[Loop],
    stop: asyncio.Event,
    pacing: Pacing = REAL_PACING,
    observer: LoopObserver = NO_OBSERVER,
) -> None:
    """Run the loops concurrently until `stop` is set, then let each finish its current work.

    A loop that needs more than GRACE_SECONDS to finish is cancelled.
    """
    tasks = [
        asyncio.create_task(loop.run(stop, pacing, observer), name=loop.name) for loop in loops
    ]
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        if task.done() and not stop.is_set():  # a worker that lacks a loop must be restarted
            logger.error("loop %s ended unexpectedly; the worker stops", task.get_name())
    stop.set()
    await asyncio.wait(tasks, timeout=GRACE_SECONDS)
    # In a fixed order, which the sets of asyncio.wait do not have: a simulation must be replayable.
    for task in tasks:
        if not task.done():
            logger.warning("loop %s is cancelled: it has not finished in time", task.get_name())
            task.cancel()
    await asyncio.gather(*tasks, stopping, return_exceptions=True)
