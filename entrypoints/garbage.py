"""Garbage collection in the processes that run for long.

While modules are imported, nearly nothing becomes garbage, but Python looks for it again and again:
a fifth of the time of a start. Afterwards a full collection would look at all that was imported,
130,000 objects, for 50 ms, in which no request is answered (docs/performance.md).
"""

import gc


def pause_collection() -> None:
    """Collect nothing while the process starts."""
    gc.disable()


def resume_collection() -> None:
    """Collect again, but never look at what exists now: it stays until the process ends."""
    gc.freeze()
    gc.enable()
