"""Garbage collection in the processes that run for long.

While modules are imported, nearly nothing becomes garbage, but Python looks for it again and again:
a fifth of the time of a start. Afterwards a full collection would look at all that was imported,
130,000 objects, for 50 ms, in which no request is answered (docs/performance.md).

What a request leaves is freed at once, nearly all of it, but it exists while the customer waits for
the gateway. With Python's threshold of 700 objects, those of 500 customers were looked at again and
again: a fifth of the time of a charge.
"""

import gc
from typing import Final

MAX_NEW: Final = 50_000
"""Objects that exist more than after the last collection before there is another one.

To look at them takes up to 15 ms, where a full collection took 22 ms before, and they have some
megabytes. With 200,000 nothing was faster.
"""


def pause_collection() -> None:
    """Collect nothing while the process starts."""
    gc.disable()


def resume_collection() -> None:
    """Collect again, but never look at what exists now: it stays until the process ends."""
    gc.freeze()
    gc.set_threshold(MAX_NEW)
    gc.enable()
