"""Work that is finished even if nobody waits for its answer any more."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog
from attrs import field, frozen

logger = structlog.get_logger(__name__)

Answer = TypeVar("Answer")


@frozen
class BackgroundTasks:
    """What is under way in tasks of their own."""

    _tasks: set["asyncio.Task[Any]"] = field(factory=set)

    async def run(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        """Do it in a task of its own, which goes on if the caller is cancelled.

        A cancelled transaction may have committed all the same, and a cancelled charge may have
        taken money: neither is ever cut short because a customer hung up.
        """
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    async def drain(self, seconds: float) -> None:
        """Wait until everything has ended, at most so long."""
        if self._tasks:
            _, late = await asyncio.wait(set(self._tasks), timeout=seconds)
            if late:
                logger.warning("cut short; recovery will find out", count=len(late))

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        # Where nobody waits any more, an error would else be reported when the task is collected.
        if not task.cancelled():
            task.exception()
