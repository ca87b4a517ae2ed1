"""Interrupt: the first Ctrl-C ends a run after the seed that is running."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from attrs import define


@define
class Interrupt:
    """Whether Ctrl-C was pressed."""

    is_requested: bool = False


@contextmanager
def noting_interrupt() -> Iterator[Interrupt]:
    """Note the first Ctrl-C; the next one raises KeyboardInterrupt, as always.

    The first one must not raise: Python ignores what is raised in a callback of a weak reference
    or in `__del__`, and a run is so often in one that every second Ctrl-C was lost.
    """
    interrupt = Interrupt()

    def note(_signal: int, _frame: object) -> None:
        interrupt.is_requested = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield interrupt  # it is ignored, as with nohup, or has another handler
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
