"""The worker's loops: each calls a bounded `run_once` again and again."""

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

# The delay that an idle loop adds before it notices new work. A look takes two cheap statements.
IDLE_SECONDS: Final = 0.1

# While PostgreSQL or NATS is down. JetStream took up to 7.4 s to elect a new leader when measured.
MAX_PAUSE_SECONDS: Final = 5.0

# More than the 15 s that a gateway call may take, less than the 30 s that Kubernetes waits.
GRACE_SECONDS: Final = 25.0


async def sleep_or_stop(seconds: float, stop: asyncio.Event) -> None:
    """Wait for this time, or until `stop` is set."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()


def random_jitter() -> float:
    """Return a factor from 0.5 to 1, so that replicas do not return all at once."""
    return random.uniform(0.5, 1.0)  # noqa: S311 - not a secret


@frozen
class Pacing:
    """How loops wait; the simulation replaces both."""

    sleep: Callable[[float, asyncio.Event], Awaitable[None]] = sleep_or_stop
    jitter: Callable[[], float] = random_jitter

    async def pause(self, failures: int, stop: asyncio.Event) -> None:
        """Wait after failures: twice as long each time, up to MAX_PAUSE_SECONDS."""
        longest = min(MAX_PAUSE_SECONDS, IDLE_SECONDS * 2 ** min(failures, 10))
        await self.sleep(longest * self.jitter(), stop)


@frozen
class Loop:
    """One piece of work that is repeated."""

    name: str
    run_once: Callable[[], Awaitable[int]]
    """Does one bounded piece of work; returns how much it was, 0 if there was none."""
    idle_seconds: float = IDLE_SECONDS

    async def run(self, stop: asyncio.Event, pacing: Pacing) -> None:
        """Repeat until `stop` is set; a piece of work that has begun is finished first."""
        failures = 0
        while not stop.is_set():
            try:
                done = await self.run_once()
            except (StorageUnavailable, BrokerUnavailable) as error:
                failures += 1
                logger.warning("waiting", loop=self.name, reason=str(error))
                await pacing.pause(failures, stop)
            except Exception:  # a loop that ends would never do its work again
                failures += 1
                logger.exception("failed", loop=self.name)
                await pacing.pause(failures, stop)
            else:
                if failures:
                    logger.info("recovered", loop=self.name, failures=failures)
                failures = 0
                if not done:
                    await pacing.sleep(self.idle_seconds, stop)


async def run_loops(loops: Sequence[Loop], stop: asyncio.Event, pacing: Pacing = Pacing()) -> None:
    """Run the loops side by side until `stop` is set and each has finished its current work."""
    tasks = [asyncio.create_task(loop.run(stop, pacing), name=loop.name) for loop in loops]
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    _, late = await asyncio.wait(tasks, timeout=GRACE_SECONDS)
    for task in late:
        logger.warning("cancelled", loop=task.get_name())
        task.cancel()
    await asyncio.gather(*tasks, stopping, return_exceptions=True)
