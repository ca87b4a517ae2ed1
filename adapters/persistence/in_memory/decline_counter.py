"""The decline counter in memory."""

from collections.abc import Collection

from attrs import frozen

from adapters.persistence.in_memory.tables import InMemoryTables


@frozen
class InMemoryDeclineCounter:
    """Declines by source."""

    _database: InMemoryTables

    async def add(self, sources: Collection[str]) -> None:
        await self._database.checkpoint("add declines")
        for source in sources:
            self._database.declines[source].append(self._database.now())
