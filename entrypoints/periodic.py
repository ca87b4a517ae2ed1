"""Work that a process repeats in the background while it runs."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

from application.ports.event_publisher import BrokerUnavailable
from application.ports.unit_of_work import StorageUnavailable
from entrypoints.trace_context import use_traceparent

logger = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def repeating(
    name: str, work: Callable[[], Awaitable[None]], seconds: float, retry_seconds: float
) -> AsyncIterator[None]:
    """Repeat some work in a task until the block ends; an exception is logged and does not stop it.

    Args:
        name: the name of the task, used in its log lines.
        work: what to repeat; it runs once at the start.
        seconds: the pause after a success.
        retry_seconds: the pause after an exception.
    """
    task = asyncio.create_task(_repeat(name, work, seconds, retry_seconds), name=name)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _repeat(
    name: str, work: Callable[[], Awaitable[None]], seconds: float, retry_seconds: float
) -> None:
    while True:
        pause = retry_seconds
        with use_traceparent(None):
            try:
                await work()
                pause = seconds
            except (StorageUnavailable, BrokerUnavailable) as error:
                logger.warning("background task %r is retried after a pause: %s", name, error)
            except Exception:
                logger.exception("background task %r failed", name)
        await asyncio.sleep(pause)
