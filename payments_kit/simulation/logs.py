"""What the use cases log while they are simulated: nothing is printed, and no error goes unseen."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Final, NoReturn

import structlog

_OURS: Final = ("application", "adapters", "entrypoints")


class _Listener(logging.Handler):
    def __init__(self, apply: Callable[[BaseException], None]) -> None:
        super().__init__(logging.ERROR)
        self._hear = apply

    def emit(self, record: logging.LogRecord) -> None:
        """Pass on the exception that was logged, if any."""
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            self._hear(error)


def _drop(_logger: object, _method: str, _event: object) -> NoReturn:
    raise structlog.DropEvent


@contextmanager
def overheard(apply: Callable[[BaseException], None]) -> Iterator[None]:
    """Call `hear` with every exception that is logged as an error."""
    listener = _Listener(apply)
    # A record carries the time of a wall clock; while one is simulated there is none.
    clock, logging.time = logging.time, SimpleNamespace(time=float, time_ns=int)  # type: ignore[attr-defined] # not public
    loggers = [logging.getLogger(name) for name in _OURS]
    kept = [(each, each.level, each.propagate) for each in loggers]
    structured = structlog.get_config()
    structlog.configure(processors=[_drop])
    for each in loggers:
        each.addHandler(listener)
        each.setLevel(logging.ERROR)
        each.propagate = False
    try:
        yield
    finally:
        structlog.configure(**structured)
        logging.time = clock  # type: ignore[attr-defined] # not public
        for each, level, propagate in kept:
            each.removeHandler(listener)
            each.setLevel(level)
            each.propagate = propagate
