"""SimulatedProcess: one process of a run, from its start to its crash."""

import math
from asyncio import TimerHandle
from collections.abc import Callable, Sequence
from contextvars import Context, ContextVar, copy_context
from typing import Final, NoReturn


class Call(TimerHandle):
    """A call that can be cancelled; asyncio's own handle keeps more than that."""

    __slots__ = ()

    def __init__(
        self, callback: Callable[..., object], args: tuple[object, ...], context: Context | None
    ) -> None:
        self._callback = callback
        self._args = args
        self._context = copy_context() if context is None else context
        self._cancelled = False

    def cancel(self) -> None:
        """Do not call; it is dropped when it is its turn, and what it needs already now."""
        self._cancelled = True
        self._callback = self._args = None  # type: ignore[assignment] # as asyncio does

    @property
    def ready(self) -> "Ready":
        """The call, now that it is ready."""
        context = self._context
        return self, context.get(CURRENT), context, self._callback, self._args


class _NeverCancelled(Call):
    __slots__ = ()

    def cancel(self) -> NoReturn:
        """Refuse: it is not known which call is meant."""
        raise NotImplementedError("only a call without a context can be cancelled")


NEVER_CANCELLED: Final = _NeverCancelled(print, (), Context())
"""The handle of all calls whose callers do not look at it."""

Ready = tuple[
    Call | None, "SimulatedProcess | None", Context, Callable[..., object], Sequence[object]
]
"""A call that is ready: its handle if it can be cancelled, the process it belongs to, and the call
itself. Most have no handle, and a tuple takes a third of the time of one."""


class SimulatedProcess:
    """A process; every task that runs in its context ends with it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_crashed = False
        self.steps = 0
        self.crash_at_step: int | None = None
        """The step before which it crashes."""
        self.runs_from = 0.0
        """Until then it is paused; a crashed process never runs again."""
        self.context = Context()
        self.context.run(CURRENT.set, self)
        self.held: list[Ready] = []
        """Calls that must not run while it is paused or crashed. They are kept, because the
        garbage collector would run their `finally` blocks."""

    def crash(self) -> None:
        """Stop at once: no task of it runs any more, not even its cleanup."""
        self.is_crashed = True
        self.runs_from = math.inf


CURRENT: Final[ContextVar[SimulatedProcess | None]] = ContextVar("process", default=None)


def current_process() -> SimulatedProcess | None:
    """Return the process that is running now; None outside all processes."""
    return CURRENT.get()


def current_name() -> str:
    """Return the name of the process that is running now."""
    process = CURRENT.get()
    return process.name if process else "world"
