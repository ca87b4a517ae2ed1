"""Tasks that run to their end even if the caller that waits for their result is cancelled."""

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import Any, TypeVar

import structlog
from attrs import field, frozen

logger = structlog.get_logger(__name__)

Result = TypeVar("Result")


@frozen
class BackgroundTasks:
    """Runs each piece of work in its own task, and waits for these tasks at shutdown."""

    _tasks: set["asyncio.Task[Any]"] = field(factory=set)

    async def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run the work in a new task, which continues if the caller is cancelled.

        A cancelled transaction may have been committed, and a cancelled charge may have captured
        money. So neither is interrupted when a customer disconnects.
        """
        loop = asyncio.get_running_loop()
        task = loop.create_task(work)
        result: asyncio.Future[Result] = loop.create_future()
        self._tasks.add(task)
        task.add_done_callback(partial(self._on_done, result))
        try:
            # Not the task itself, which would be cancelled with the caller.
            return await result
        finally:
            # The traceback of an error has this frame, which would keep it as garbage.
            del result, task

    async def drain(self, seconds: float) -> None:
        """Wait until all tasks have ended, for at most this many seconds."""
        if self._tasks:
            _, unfinished = await asyncio.wait(set(self._tasks), timeout=seconds)
            if unfinished:
                logger.warning(
                    "requests not finished at shutdown; recovery settles their payments",
                    count=len(unfinished),
                )

    def _on_done(self, result: "asyncio.Future[Any]", task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        # To read the exception keeps asyncio from reporting it as never retrieved.
        error = None if task.cancelled() else task.exception()
        if result.done():  # the caller was cancelled
            return
        if task.cancelled():
            result.cancel()
        elif error is not None:
            result.set_exception(error)
        else:
            result.set_result(task.result())
