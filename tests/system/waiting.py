"""Waiting for something to become true, with a deadline and never a fixed sleep."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

Found = TypeVar("Found")

# The contract: so long after the gateway answers again an outcome is known at the latest.
KNOWN_WITHIN_SECONDS: Final = 30.0

# Two replicas, a worker's idle loop and a busy machine: what takes longer than this is broken. The
# contract's own 30 s, and one look that hangs until its timeout, are inside.
ENOUGH_SECONDS: Final = 60.0

# Small against everything waited for, and still no busy loop on two cores.
POLL_SECONDS: Final = 0.1


async def until(
    look: Callable[[], Awaitable[Found]],
    within: float = ENOUGH_SECONDS,
    every: float = POLL_SECONDS,
) -> Found:
    """What `look` gives, as soon as it raises no AssertionError any more.

    Raises:
        AssertionError: the last one, if it still does so after `within` seconds.
    """
    deadline = time.monotonic() + within
    while True:
        try:
            return await look()
        except AssertionError:
            if time.monotonic() > deadline:
                raise
        await asyncio.sleep(every)
