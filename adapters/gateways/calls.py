"""The time that the requests of one call of the port share."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from application.ports.payment_gateway import CALL_SECONDS

MARGIN_SECONDS: Final = 0.5
"""What the requests of a call leave of its time, for a busy machine."""

TimeLeft = Callable[[], float]
"""Returns how many seconds a call's next request may take."""

Result = TypeVar("Result")


def time_left(seconds: float = CALL_SECONDS) -> TimeLeft:
    """Return how much is left of a call that waits for nothing but requests with such timeouts."""
    now = asyncio.get_running_loop().time
    ends_at = now() + seconds - MARGIN_SECONDS
    return lambda: ends_at - now()


async def together(*queries: Coroutine[Any, Any, Result]) -> list[Result]:
    """Send queries at once; return their results in order.

    A slow gateway then takes as long as for one of them.

    Raises:
        Exception: the error of the first query that fails; the others are cancelled.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(query) for query in queries]
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]
