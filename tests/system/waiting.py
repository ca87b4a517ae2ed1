"""Wait for a condition instead of a fixed time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

Result = TypeVar("Result")

# The contract: the longest time from the gateway's recovery until an outcome is known.
KNOWN_WITHIN_SECONDS: Final = 30.0

# These 30 s, one check that waits for its timeout (15 s), and a slow machine.
TIMEOUT_SECONDS: Final = 180.0

# Short compared with what is waited for, without busy waiting on two cores.
POLL_SECONDS: Final = 0.05


async def eventually(
    check: Callable[[], Awaitable[Result]],
    timeout: float = TIMEOUT_SECONDS,
    interval: float = POLL_SECONDS,
) -> Result:
    """Return the result of `check` as soon as it raises no AssertionError; raise the last one."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            return await check()
        except AssertionError:
            if time.monotonic() > deadline:
                raise
        await asyncio.sleep(interval)
