"""SimulatedLoop: an event loop with a virtual clock; a seed determines the order of steps."""

import asyncio
import inspect
import types
from asyncio import Handle, TimerHandle
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from heapq import heappop, heappush
from random import Random
from typing import Any, NoReturn, TypeVar, TypeVarTuple

from payments_kit.simulation.forbidden import Forbidden, forbidding_nondeterminism
from payments_kit.simulation.process import (
    CURRENT,
    NEVER_CANCELLED,
    Call,
    Ready,
    SimulatedProcess,
)
from payments_kit.simulation.streams import LOOP, stream_of

Result = TypeVar("Result")
Args = TypeVarTuple("Args")


class Deadlock(Exception):
    """Nothing is ready to run, and no timer is set."""


class RunTooLong(Exception):
    """The run did not end within its limit of steps or of virtual time."""


@types.coroutine
def yield_once() -> Generator[None, None, None]:
    """Let other tasks run; it takes no time, like `asyncio.sleep(0)` with less overhead."""
    yield


class SimulatedLoop(asyncio.BaseEventLoop):
    """Runs one ready handle after another, in an order that the seed determines.

    The clock does not advance while anything is ready; then it jumps to the next timer.
    """

    def __init__(self, seed: int, max_steps: int = 1_000_000, stream: Random | None = None) -> None:
        super().__init__()
        self.draw = (stream_of(LOOP, seed) if stream is None else stream).random
        """The random stream of this loop: from 0 to 1."""
        self.seconds = 0.0
        """The virtual seconds since the run began."""
        self._timers: list[tuple[float, int, Call]] = []
        self._timer_count = 0
        self._runnable: list[Ready] = []
        self._tasks: list[asyncio.Task[Any]] = []
        self._prune_at = 16
        self._is_over = False
        self._max_steps = max_steps
        self.steps = 0
        self.outside = Context()
        """The context of everything that belongs to no process and so survives every crash."""
        self.on_crash: Callable[[SimulatedProcess], None] = lambda _process: None

    get_debug = bool  # asyncio asks at each future; bool() is False

    def time(self) -> float:
        """Return the virtual seconds since the run began."""
        return self.seconds

    def simulate(self, main: Coroutine[Any, Any, Result]) -> Result:
        """Run `main` to its end; other tasks that are not finished then are dropped.

        Raises:
            Deadlock, RunTooLong: it did not end.
            Forbidden: it used something that the seed does not determine.
        """
        with forbidding_nondeterminism():
            try:
                return self.run_until_complete(main)
            finally:
                self._is_over = True
                # Tasks that have ended are freed now. The others are kept until nobody needs their
                # world any more, because freeing them runs their `finally` blocks.
                self._tasks = [task for task in self._tasks if not task.done()]
                for task in self._tasks:
                    task._log_destroy_pending = False  # type: ignore[attr-defined] # asyncio's own switch
                    coroutine: Any = task.get_coro()
                    if inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED:
                        coroutine.close()  # or Python warns that it was never awaited
                self.close()

    def spawn(
        self, process: SimulatedProcess | None, coroutine: Coroutine[Any, Any, Result]
    ) -> "asyncio.Task[Result]":
        """Start a task in a process, or outside all processes."""
        return self.create_task(coroutine, context=process.context if process else self.outside)

    def start(
        self, process: SimulatedProcess | None, coroutine: Coroutine[Any, Any, object]
    ) -> None:
        """Start a task that is not awaited; an error of it ends the run."""
        self.spawn(process, coroutine).add_done_callback(_raise_error)

    def pause(self, process: SimulatedProcess, seconds: float) -> None:
        """Stop a process for a while; afterwards it continues where it was."""
        process.runs_from = max(process.runs_from, self.seconds + seconds)
        if not process.is_crashed:
            self.call_at(process.runs_from, self._resume, process, context=self.outside)

    def next_timer(self) -> float | None:
        """Return the time of the next timer."""
        timers = self._timers
        while timers and timers[0][2]._cancelled:
            heappop(timers)
        return timers[0][0] if timers else None

    def _resume(self, process: SimulatedProcess) -> None:
        if self.seconds >= process.runs_from:
            self._runnable.extend(process.held)
            process.held.clear()

    # --- what asyncio calls --------------------------------------------------------------------

    def call_soon(
        self, callback: Callable[[*Args], object], *args: *Args, context: Context | None = None
    ) -> Handle:
        """Add a call to those that are ready.

        Calls with a context come from futures and tasks, which ignore what is returned.
        """
        if context is not None and not self._is_over:
            self._runnable.append((None, context.get(CURRENT), context, callback, args))
            return NEVER_CANCELLED
        call = Call(callback, args, context)
        if not self._is_over:
            self._runnable.append(call.ready)
        return call

    def call_at(
        self,
        when: float,
        callback: Callable[[*Args], object],
        *args: *Args,
        context: Context | None = None,
    ) -> TimerHandle:
        """Schedule a call at a virtual time."""
        timer = Call(callback, args, context)
        if not self._is_over:
            self._timer_count += 1
            heappush(self._timers, (when, self._timer_count, timer))
        return timer

    def call_later(
        self,
        delay: float,
        callback: Callable[[*Args], object],
        *args: *Args,
        context: Context | None = None,
    ) -> TimerHandle:
        """Schedule a call after this many virtual seconds."""
        timer = Call(callback, args, context)
        if not self._is_over:
            self._timer_count += 1
            heappush(self._timers, (self.seconds + delay, self._timer_count, timer))
        return timer

    def create_task(
        self, coro: Any, *, name: object = None, context: Context | None = None
    ) -> "asyncio.Task[Any]":
        """Start a task."""
        task = asyncio.Task(coro, loop=self, context=context)
        if name is not None:
            task.set_name(name)
        self._tasks.append(task)
        if len(self._tasks) >= self._prune_at:
            self._tasks = [each for each in self._tasks if not each.done()]
            self._prune_at = 2 * len(self._tasks) + 16
        return task

    def run_in_executor(self, *_args: object) -> NoReturn:
        """Refuse: a seed does not determine when a thread runs."""
        raise Forbidden("a thread")

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Raise every error, except those that the garbage collector reports after the end."""
        if not self._is_over and (error := context.get("exception")) is not None:
            raise error

    def _timer_handle_cancelled(self, _handle: TimerHandle) -> None:
        """Do nothing: cancelled timers are dropped at their time."""

    def _run_once(self) -> None:
        """Run until the loop is stopped; this is the hottest code of a run."""
        runnable, draw, steps, limit = self._runnable, self.draw, self.steps, self._max_steps
        try:
            while not self._stopping:  # type: ignore[attr-defined] # asyncio's own
                if not runnable:
                    self._jump()
                index = int(draw() * len(runnable))
                ready = runnable.pop()
                if index < len(runnable):
                    ready, runnable[index] = runnable[index], ready
                call, process, context, callback, args = ready
                if call is not None and call._cancelled:
                    continue
                if process is not None:
                    if self.seconds < process.runs_from:
                        process.held.append(ready)
                        continue
                    process.steps += 1
                    if process.steps == process.crash_at_step:
                        process.held.append(ready)
                        process.crash()
                        self.on_crash(process)
                        continue
                steps += 1
                if steps > limit:
                    raise RunTooLong(f"{steps} steps")
                if args:
                    context.run(callback, *args)
                else:
                    context.run(callback)
        finally:
            self.steps = steps

    def _jump(self) -> None:
        """Advance the clock until something is ready."""
        timers = self._timers
        try:
            when, _, call = heappop(timers)
            while call._cancelled:
                when, _, call = heappop(timers)
        except IndexError:
            raise Deadlock("nothing is ready and no timer is set") from None
        if when > self.seconds:
            self.seconds = when
        self._runnable.append(call.ready)
        while timers and timers[0][0] <= self.seconds:
            self._runnable.append(heappop(timers)[2].ready)


def _raise_error(task: "asyncio.Task[object]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        raise error
