"""Logs of the simulated code: nothing is printed, and every logged exception is collected."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, Final, NoReturn

import structlog

_PACKAGES: Final = ("application", "adapters", "entrypoints")

# The methods of structlog that log an exception as an error.
_ERROR_METHODS: Final = frozenset({"error", "exception", "critical"})

Report = Callable[[BaseException], None]


class _Handler(logging.Handler):
    def __init__(self, report: Report) -> None:
        super().__init__(logging.ERROR)
        self._report = report

    def emit(self, record: logging.LogRecord) -> None:
        """Report the exception that was logged, if any."""
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            self._report(error)


def _structlog_processor(report: Report) -> Callable[[object, str, Any], NoReturn]:
    def process(_logger: object, method: str, event: Any) -> NoReturn:
        if method in _ERROR_METHODS:
            logged = event.get("exc_info")
            error = sys.exc_info()[1] if logged is True else logged
            if isinstance(error, BaseException):
                report(error)
        raise structlog.DropEvent

    return process


@contextmanager
def collecting_errors(report: Report) -> Iterator[None]:
    """Call `report` with every exception that is logged as an error, by structlog or logging."""
    handler = _Handler(report)
    # A log record carries the wall-clock time, which is forbidden during a simulation.
    clock, logging.time = logging.time, SimpleNamespace(time=float, time_ns=int)  # type: ignore[attr-defined] # not public
    loggers = [logging.getLogger(name) for name in _PACKAGES]
    before = [(each, each.level, each.propagate) for each in loggers]
    structured = structlog.get_config()
    structlog.configure(
        processors=[_structlog_processor(report)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
    )
    for each in loggers:
        each.addHandler(handler)
        each.setLevel(logging.ERROR)
        each.propagate = False
    try:
        yield
    finally:
        structlog.configure(**structured)
        logging.time = clock  # type: ignore[attr-defined] # not public
        for each, level, propagate in before:
            each.removeHandler(handler)
            each.setLevel(level)
            each.propagate = propagate
