"""The decline counter in memory."""

from collections.abc import Collection, Mapping
from datetime import timedelta

from attrs import frozen

from adapters.persistence.in_memory.tables import InMemoryTables


@frozen
class InMemoryDeclineCounter:
    """Declines by source."""

    _database: InMemoryTables

    async def count(self, sources: Collection[str], window: timedelta) -> Mapping[str, int]:
        await self._database.checkpoint("count declines")
        since = self._database.now() - window
        return {
            source: sum(at > since for at in self._database.declines.get(source, ()))
            for source in sources
        }

    async def add(self, sources: Collection[str]) -> None:
        await self._database.checkpoint("add declines")
        for source in sources:
            self._database.declines[source].append(self._database.now())
