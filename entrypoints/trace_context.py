"""The W3C trace context of what is being done (https://www.w3.org/TR/trace-context/)."""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_CURRENT: Final[ContextVar[str | None]] = ContextVar("traceparent", default=None)

# Section 3.2: version, trace id, parent id, flags; a later version may append more.
_TRACEPARENT: Final = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?"
)
_LENGTH: Final = 55


def current_traceparent() -> str | None:
    """The trace context that everything done now belongs to, if there is one."""
    return _CURRENT.get()


@contextmanager
def use_traceparent(heard: str | None) -> Iterator[str]:
    """Do something within the trace that was heard of, or in a new one where it is malformed.

    Tasks begun inside keep it.
    """
    traceparent = _valid(heard) or _new()
    token = _CURRENT.set(traceparent)
    try:
        yield traceparent
    finally:
        _CURRENT.reset(token)


def _valid(heard: str | None) -> str | None:
    if heard is None or not _TRACEPARENT.fullmatch(heard):
        return None
    if heard.startswith("00-") and len(heard) != _LENGTH:
        return None
    return "00-" + heard[3:_LENGTH]


def _new() -> str:
    # Not sampled: nobody recorded its beginning (section 3.2.2.5.1).
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"
