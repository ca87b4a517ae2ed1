"""The books in memory."""

from datetime import datetime

from attrs import frozen

from adapters.persistence.in_memory.tables import InMemoryTables
from application.ports.books import Comparison


@frozen
class InMemoryBooks:
    """The marks by gateway and mode, each with the id of the newest comparison."""

    _database: InMemoryTables

    @property
    def generation(self) -> int:
        return self._database.copy

    async def identity(self) -> str:
        return self._database.identity

    async def begin(self, gateway: str, livemode: bool) -> Comparison:
        database = self._database
        await database.checkpoint("begin comparison")
        _, mark = database.gateway_marks.get((gateway, livemode), ("", None))
        database.comparisons += 1
        comparison_id = str(database.comparisons)
        database.gateway_marks[gateway, livemode] = (comparison_id, mark)
        return Comparison(gateway, livemode, comparison_id, mark)

    async def advance(self, comparison: Comparison, mark: datetime) -> bool:
        await self._database.checkpoint("advance mark")
        key = comparison.gateway, comparison.livemode
        comparison_id, _ = self._database.gateway_marks.get(key, ("", None))
        if comparison_id != comparison.id:
            return False
        self._database.gateway_marks[key] = (comparison_id, mark)
        return True
