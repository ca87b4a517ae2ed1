"""The worker as a process: start its loops, and stop them on a signal."""

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

from attrs import evolve

from application.ports.unit_of_work import StorageUnavailable
from entrypoints.garbage import resume_collection
from entrypoints.worker import Role
from entrypoints.worker.loop_health import LoopHealth
from entrypoints.worker.loops import run_loops
from entrypoints.worker.probes import Probes
from entrypoints.worker.roles import WorkerDependencies, loops_of

logger = logging.getLogger(__name__)


async def run_worker(
    opening: AbstractAsyncContextManager[tuple[WorkerDependencies, Probes]], roles: Sequence[Role]
) -> None:
    """Run these roles until SIGTERM or SIGINT, then finish the work in progress.

    Raises:
        CannotListen: another process uses the address of the probes.
    """
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    async with opening as (dependencies, probes):
        loops = [
            evolve(loop, trace=dependencies.trace)
            for role in dict.fromkeys(roles)
            for loop in loops_of(role, dependencies)
        ]
        resume_collection()
        health = LoopHealth(time.monotonic, probes.metrics)
        health.start(loops)
        async with probes.serving(health, stop):
            logger.info("worker started", extra={"roles": list(roles)})
            await run_loops(loops, stop, observer=health)
        with contextlib.suppress(StorageUnavailable):
            await dependencies.use_cases.relay_outbox.release_lease()
    logger.info("worker stopped")
