"""The trace of each run of a loop: a port, and what it is without spans."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from attrs import define, field

from entrypoints.trace_context import use_traceparent


class RunTrace(Protocol):
    """The trace of one run of a loop; it is current in a block, also for log lines."""

    def __enter__(self) -> object:
        """Begin it."""

    def __exit__(self, *_: object) -> None:
        """End it."""

    def done(self, number: int) -> None:
        """The run has done this much work."""

    def failed(self, error: Exception) -> None:
        """The run has raised this exception."""


class NoTrace:
    """A run without a trace."""

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, *_: object) -> None:
        """Do nothing."""

    def done(self, number: int) -> None:
        """Do nothing."""

    def failed(self, error: Exception) -> None:
        """Do nothing."""


@define(eq=False)
class GeneratedTrace(NoTrace):
    """A trace of its own for log lines and events, of which nothing is recorded."""

    _context: AbstractContextManager[str] = field(factory=lambda: use_traceparent(None), init=False)

    def __enter__(self) -> None:
        """Begin it."""
        self._context.__enter__()

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._context.__exit__(None, None, None)


TraceRun = Callable[[str], RunTrace]
"""Returns the trace of a run of the loop with this name."""


def no_trace(loop: str) -> RunTrace:
    """Return no trace: a simulation must be the same each time, and an id is random."""
    return NoTrace()


def generated_trace(loop: str) -> RunTrace:
    """Return a trace with a new id."""
    return GeneratedTrace()
