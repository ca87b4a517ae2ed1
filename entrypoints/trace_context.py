"""The W3C trace context of the current task (https://www.w3.org/TR/trace-context/)."""

import random
import re
from contextlib import AbstractContextManager
from contextvars import ContextVar, Token
from typing import Final

from attrs import define, field

_CURRENT: Final[ContextVar[str | None]] = ContextVar("traceparent", default=None)

# Section 3.2: version, trace id, parent id and flags; a later version may append further fields.
_TRACEPARENT: Final = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?"
)
_LENGTH: Final = 55

# Where they are in the form of version 00.
_TRACE_ID: Final = slice(3, 35)
_SPAN_ID: Final = slice(36, 52)
_FLAGS: Final = slice(53, 55)

# Section 3.2.2.5.1.
_SAMPLED: Final = 0x01

# Ids must be distinct, not secret: this takes no system call, unlike os.urandom.
_random: Final = random.Random()  # noqa: S311


def current_traceparent() -> str | None:
    """Return the current `traceparent`; None outside of a trace."""
    return _CURRENT.get()


def use_traceparent(received: str | None) -> AbstractContextManager[str]:
    """Continue a received trace; start a new one if the value is missing or malformed.

    Tasks that are created inside the block inherit it.
    """
    return _Trace(valid_traceparent(received) or _new())


def use_span(traceparent: str) -> AbstractContextManager[str]:
    """Make a span of ours the current one."""
    return _Trace(traceparent)


def trace_ids() -> dict[str, str]:
    """Return the ids of the current trace and span for a log line; nothing outside of a trace."""
    current = _CURRENT.get()
    if current is None:
        return {}
    return {"trace_id": current[_TRACE_ID], "span_id": current[_SPAN_ID]}


@define
class _Trace(AbstractContextManager[str]):
    """A class, because a generator takes several times as long, and every request has one."""

    _traceparent: str
    _token: "Token[str | None] | None" = field(default=None, init=False)

    def __enter__(self) -> str:
        self._token = _CURRENT.set(self._traceparent)
        return self._traceparent

    def __exit__(self, *_: object) -> None:
        if self._token is None:
            return
        try:  # noqa: SIM105 - cheaper than `suppress`
            _CURRENT.reset(self._token)
        except ValueError:
            # The garbage collector ends a task that nobody waits for any more in another context.
            pass


def recorded_ids() -> dict[str, str] | None:
    """Return the same ids for an exemplar; None unless the trace is recorded."""
    current = _CURRENT.get()
    if current is None or not int(current[_FLAGS], 16) & _SAMPLED:
        return None
    return trace_ids()


def valid_traceparent(received: str | None) -> str | None:
    """Return a valid value in the form of version 00; None if it is invalid."""
    if received is None or not _TRACEPARENT.fullmatch(received):
        return None
    if received.startswith("00-") and len(received) != _LENGTH:
        return None
    return "00-" + received[3:_LENGTH]


def _new() -> str:
    # The flag "sampled" is not set: the caller has recorded no span (section 3.2.2.5.1).
    return f"00-{_random.getrandbits(128):032x}-{new_id()}-00"


def new_id() -> str:
    """Return a new random id of 64 bits, for a span or for the log."""
    return f"{_random.getrandbits(64):016x}"
