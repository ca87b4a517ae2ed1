"""An event loop that one seed decides: a virtual clock, random steps, and crashes without cleanup."""

import asyncio
import inspect
import os
import random
import socket
import threading
import time
import types
import uuid
from asyncio import Handle, TimerHandle
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar
from heapq import heappop, heappush
from typing import Any, Final, NoReturn, TypeVar, TypeVarTuple

Some = TypeVar("Some")
Given = TypeVarTuple("Given")


class Stuck(Exception):
    """Nothing is ready and nothing ever will be."""


class TooLong(Exception):
    """The run did not end within the steps or the virtual time it was given."""


class Forbidden(Exception):
    """Something was used that no seed decides: a wall clock, a socket, a thread, real randomness."""


class SimulatedProcess:
    """One process from its start to its crash. Whatever runs in its context dies with it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_dead = False
        self.steps = 0
        self.dies_at: int | None = None
        """Before which of its steps it crashes."""
        self.sleeps_until = 0.0
        self.context = Context()
        self.context.run(_LIFE.set, self)
        self.held: list[Handle] = []
        """What it would do, were it awake or alive. Kept, or the garbage collector runs its `finally`s."""

    def crash(self) -> None:
        """Stop at once: nothing of it runs any more, no cleanup either."""
        self.is_dead = True


_LIFE: Final[ContextVar[SimulatedProcess | None]] = ContextVar("life", default=None)


def current_life() -> SimulatedProcess | None:
    """The process that is running now; None for the world outside."""
    return _LIFE.get()


def who() -> str:
    """The name of what is running now."""
    life = _LIFE.get()
    return life.name if life else "world"


@types.coroutine
def let_others_run() -> Generator[None, None, None]:
    """One await that takes no time; `asyncio.sleep(0)` with less round it."""
    yield


class SimulatedLoop(asyncio.BaseEventLoop):
    """Runs one ready handle after another, in an order of its own choosing, at no real time at all.

    The clock stands still while anything is ready, and then jumps to the next timer.
    """

    def __init__(self, seed: int, most_steps: int = 1_000_000) -> None:
        super().__init__()
        self.draw = random.Random(f"loop {seed}").random  # noqa: S311 - replayable on purpose
        """The dice of this loop: from 0 to 1."""
        self._time = 0.0
        self._timers: list[tuple[float, int, TimerHandle]] = []
        self._timer_count = 0
        self._runnable: list[Handle] = []
        self._tasks: list[asyncio.Task[Any]] = []
        self._over = False
        self._most_steps = most_steps
        self.steps = 0
        self.outside = Context()
        """The context of what belongs to no process and so survives every crash."""
        self.on_crash: Callable[[SimulatedProcess], None] = lambda _life: None
        self.set_task_factory(self._new_task)

    def time(self) -> float:
        """Seconds since the run began."""
        return self._time

    def simulate(self, doings: Coroutine[Any, Any, Some]) -> Some:
        """Run these doings to their end; what is still going on then is dropped, not finished.

        Raises:
            Stuck, TooLong: they did not end.
            Forbidden: something was used that the seed does not decide.
        """
        with _nothing_from_outside():
            try:
                return self.run_until_complete(doings)
            finally:
                self._over = True
                for task in self._tasks:
                    task._log_destroy_pending = False  # type: ignore[attr-defined] # asyncio's own switch
                    coroutine: Any = task.get_coro()
                    if inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED:
                        coroutine.close()  # or Python would warn that it was never awaited
                self.close()

    def spawn(
        self, life: SimulatedProcess | None, coroutine: Coroutine[Any, Any, Some]
    ) -> "asyncio.Task[Some]":
        """Start a task in a process, or outside of all."""
        return self.create_task(coroutine, context=life.context if life else self.outside)

    def begin(self, life: SimulatedProcess | None, coroutine: Coroutine[Any, Any, object]) -> None:
        """Start a task that nobody waits for."""
        self.spawn(life, coroutine).add_done_callback(_nobody_waits)

    def put_to_sleep(self, life: SimulatedProcess, seconds: float) -> None:
        """Stop a process for a while; it notices nothing but the time on the clock."""
        life.sleeps_until = max(life.sleeps_until, self._time + seconds)
        self.call_at(life.sleeps_until, self._wake, life, context=self.outside)

    def next_timer(self) -> float | None:
        """When the next thing happens by itself."""
        while self._timers and self._timers[0][2].cancelled():
            heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def _wake(self, life: SimulatedProcess) -> None:
        if not life.is_dead and self._time >= life.sleeps_until:
            self._runnable.extend(life.held)
            life.held.clear()

    # --- what asyncio calls --------------------------------------------------------------------

    def call_soon(
        self, callback: Callable[[*Given], object], *args: *Given, context: Context | None = None
    ) -> Handle:
        """Put a handle with the others that are ready."""
        handle = Handle(callback, args, self, context)
        if not self._over:
            self._runnable.append(handle)
        return handle

    def call_at(
        self,
        when: float,
        callback: Callable[[*Given], object],
        *args: *Given,
        context: Context | None = None,
    ) -> TimerHandle:
        """Have it called at a virtual time."""
        timer = TimerHandle(when, callback, args, self, context)
        if not self._over:
            self._timer_count += 1
            heappush(self._timers, (when, self._timer_count, timer))
        return timer

    def call_later(
        self,
        delay: float,
        callback: Callable[[*Given], object],
        *args: *Given,
        context: Context | None = None,
    ) -> TimerHandle:
        """Have it called after so many virtual seconds."""
        return self.call_at(self._time + delay, callback, *args, context=context)

    def run_in_executor(self, *_args: object) -> NoReturn:
        """There are no threads here."""
        raise Forbidden("a thread")

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Let nothing go unseen, except what a garbage collector may say after the end."""
        if not self._over and (error := context.get("exception")) is not None:
            raise error

    def _timer_handle_cancelled(self, _handle: TimerHandle) -> None:
        """Cancelled timers are dropped when their turn comes."""

    def _new_task(
        self, _loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any
    ) -> "asyncio.Task[Any]":
        task = asyncio.Task(coroutine, loop=self, **options)
        self._tasks.append(task)
        return task

    def _run_once(self) -> None:
        runnable, draw = self._runnable, self.draw
        while not self._stopping:  # type: ignore[attr-defined] # asyncio's own
            if not runnable:
                self._jump()
            index = int(draw() * len(runnable))
            handle = runnable[index]
            runnable[index] = runnable[-1]
            runnable.pop()
            if handle._cancelled:
                continue
            life = handle._context.get(_LIFE)  # type: ignore[attr-defined] # asyncio's own
            if life is not None and not self._may_go_on(life, handle):
                continue
            self.steps += 1
            if self.steps > self._most_steps:
                raise TooLong(f"{self.steps} steps")
            handle._run()

    def _may_go_on(self, life: SimulatedProcess, handle: Handle) -> bool:
        if not life.is_dead and self._time >= life.sleeps_until:
            life.steps += 1
            if life.steps != life.dies_at:
                return True
            life.crash()
            self.on_crash(life)
        life.held.append(handle)
        return False

    def _jump(self) -> None:
        """Let time pass until something is ready."""
        when = self.next_timer()
        if when is None:
            raise Stuck("nothing is ready and no timer is set")
        self._time = max(self._time, when)
        while self._timers and self._timers[0][0] <= self._time:
            self._runnable.append(heappop(self._timers)[2])


def _nobody_waits(task: "asyncio.Task[object]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        raise error


def _refusing(what: str, real: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse it to the thread of the simulation; whatever others the program has may go on."""
    simulating = threading.get_ident()

    def refuse(*args: object, **options: object) -> Any:
        if threading.get_ident() == simulating:
            raise Forbidden(what)
        return real(*args, **options)

    return refuse


_OUTSIDE: Final[tuple[tuple[object, str], ...]] = (
    *((time, name) for name in ("time", "time_ns", "monotonic", "monotonic_ns", "sleep")),
    *((uuid, name) for name in ("uuid1", "uuid4")),
    *((random, name) for name in ("random", "uniform", "randint", "choice", "shuffle", "sample")),
    (os, "urandom"),
    (socket, "socket"),
)
"""What the seed does not decide. `datetime.now` cannot be replaced: the replay test would tell."""


@contextmanager
def _nothing_from_outside() -> Iterator[None]:
    kept = [(module, name, getattr(module, name)) for module, name in _OUTSIDE]
    for module, name, real in kept:
        what = f"{module.__name__}.{name}"  # type: ignore[attr-defined] # a module
        setattr(module, name, _refusing(what, real))
    try:
        yield
    finally:
        for module, name, value in kept:
            setattr(module, name, value)
