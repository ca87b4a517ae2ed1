"""New identifiers, in the order of time."""

import secrets
import time
from typing import Final

# Until the year 2527.
_TIME_DIGITS: Final = 11
# With the time, as many as a UUID has. A payment's id has four fewer, which leaves 68 bits.
_RANDOM_DIGITS: Final = 21

_NANOSECONDS_A_MILLISECOND: Final = 1_000_000


def new_id() -> str:
    """Return a new identifier of 32 digits [0-9a-f]."""
    return id_at(time.time_ns() // _NANOSECONDS_A_MILLISECOND)


def id_at(milliseconds: int) -> str:
    """Return a new identifier of a moment, in milliseconds since 1970.

    The ids of one hour are beside each other in an index, in memory and on its last pages. Random
    ids are anywhere: of ten million rows, each new one reads, and after a checkpoint logs, a whole
    page of each index (docs/decisions/0030).
    """
    return f"{milliseconds:0{_TIME_DIGITS}x}{secrets.token_hex(_TIME_DIGITS)[:_RANDOM_DIGITS]}"
