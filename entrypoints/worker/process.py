"""The worker as a process: start its loops, and stop them on a signal."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

from application.ports.unit_of_work import StorageUnavailable
from entrypoints.worker import Role
from entrypoints.worker.loops import run_loops
from entrypoints.worker.roles import WorkerDependencies, loops_of

logger = logging.getLogger(__name__)


async def run_worker(
    opening: AbstractAsyncContextManager[WorkerDependencies], roles: Sequence[Role]
) -> None:
    """Run these roles until SIGTERM or SIGINT, then finish the work in progress."""
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    async with opening as dependencies:
        loops = [loop for role in dict.fromkeys(roles) for loop in loops_of(role, dependencies)]
        logger.info("worker started", extra={"roles": list(roles)})
        await run_loops(loops, stop)
        with contextlib.suppress(StorageUnavailable):
            await dependencies.use_cases.relay_outbox.release_lease()
    logger.info("worker stopped")
