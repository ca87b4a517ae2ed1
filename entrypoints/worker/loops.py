"""The worker's loops, and the only ones: everything they call is a bounded run_once()."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog
from attrs import frozen

from application.ports.event_publisher import BrokerUnavailable
from application.ports.unit_of_work import StorageUnavailable

logger = structlog.get_logger(__name__)

# What a customer may notice of an idle loop: the delay until an event leaves. Two cheap statements.
IDLE_SECONDS: Final = 0.1

# While PostgreSQL or NATS is gone; JetStream took up to 7.4 s to elect a new leader when measured.
MAX_PAUSE_SECONDS: Final = 5.0

# Above the 15 s a gateway call may last, below the 30 s that Kubernetes waits by default.
GRACE_SECONDS: Final = 25.0


@frozen
class Loop:
    """One thing done again and again."""

    name: str
    run_once: Callable[[], Awaitable[int]]
    """Does one bounded piece of work and says how much it was; 0 if there was none."""
    idle_seconds: float = IDLE_SECONDS

    async def run(self, stop: asyncio.Event) -> None:
        """Go on until told to stop; a piece of work that has begun is finished first."""
        failures = 0
        while not stop.is_set():
            try:
                done = await self.run_once()
            except (StorageUnavailable, BrokerUnavailable) as unavailable:
                failures += 1
                logger.warning("waiting", loop=self.name, reason=str(unavailable))
                await _sleep(_pause(failures), stop)
            except Exception:  # a loop that ends would leave its work undone for ever
                failures += 1
                logger.exception("failed", loop=self.name)
                await _sleep(_pause(failures), stop)
            else:
                if failures:
                    logger.info("recovered", loop=self.name, failures=failures)
                failures = 0
                if not done:
                    await _sleep(self.idle_seconds, stop)


async def run_loops(loops: Sequence[Loop], stop: asyncio.Event) -> None:
    """Run them side by side until `stop` is set and each has finished what it was doing."""
    tasks = [asyncio.create_task(loop.run(stop), name=loop.name) for loop in loops]
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    _, late = await asyncio.wait(tasks, timeout=GRACE_SECONDS)
    for task in late:
        logger.warning("cut short", loop=task.get_name())
        task.cancel()
    await asyncio.gather(*tasks, stopping, return_exceptions=True)


def _pause(failures: int) -> float:
    """Doubling, with jitter so that replicas do not come back all at once."""
    longest = min(MAX_PAUSE_SECONDS, IDLE_SECONDS * 2 ** min(failures, 10))
    return float(longest) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, no secret


async def _sleep(seconds: float, stop: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
