"""Periodic work goes on after every failure and ends with its block."""

import asyncio

from application.ports.unit_of_work import StorageUnavailable
from entrypoints.periodic import repeating
from tests.checkpoints import TIMEOUT


async def test_work_is_repeated_after_failures_until_the_block_ends() -> None:
    failures, runs, succeeded = [StorageUnavailable("down"), ValueError("bug")], 0, asyncio.Event()

    async def work() -> None:
        nonlocal runs
        runs += 1
        if failures:
            raise failures.pop(0)
        succeeded.set()

    async with asyncio.timeout(TIMEOUT), repeating("work", work, 3600, retry_seconds=0):
        await succeeded.wait()
    assert runs == 3
    assert "work" not in {task.get_name() for task in asyncio.all_tasks()}
