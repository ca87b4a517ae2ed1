"""The promises of a decline counter."""

import asyncio
from datetime import timedelta

from tests.contracts.storages import Storage

WINDOW = timedelta(minutes=10)
MOMENT = timedelta(minutes=5)


class DeclineCounterContract:
    """The promises of application/ports/decline_counter.py."""

    async def test_each_source_is_counted_separately(self, storage: Storage) -> None:
        await storage.declines.add(["user", "address"])
        await storage.declines.add(["address"])
        await storage.declines.add([])
        counts = await storage.declined(WINDOW, "user", "address", "unknown")
        assert counts == {"user": 1, "address": 2, "unknown": 0}
        assert await storage.declined(WINDOW) == {}

    async def test_concurrent_declines_are_all_counted(self, storage: Storage) -> None:
        await asyncio.gather(*(storage.declines.add(["user"]) for _ in range(20)))
        assert await storage.declined(WINDOW, "user") == {"user": 20}

    async def test_declines_older_than_the_window_are_not_counted(self, storage: Storage) -> None:
        await storage.declines.add(["user"])
        await storage.elapse(WINDOW - MOMENT)
        await storage.declines.add(["user"])
        assert await storage.declined(WINDOW, "user") == {"user": 2}
        await storage.elapse(MOMENT)
        assert await storage.declined(WINDOW, "user") == {"user": 1}
        assert await storage.declined(2 * WINDOW, "user") == {"user": 2}
