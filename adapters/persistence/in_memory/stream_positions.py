"""The positions in streams of inbound events, in memory."""

from attrs import evolve, frozen

from adapters.persistence.in_memory.tables import InMemoryTables
from application.ports.stream_positions import StreamPosition


@frozen
class InMemoryStreamPositions:
    """Reads and binds positions; InMemoryUnitOfWork advances them."""

    _database: InMemoryTables

    async def copy(self) -> str:
        return str(self._database.copy)

    async def read(self, stream: str, consumer: str) -> StreamPosition | None:
        await self._database.checkpoint("read position")
        return self._find(stream, consumer)

    async def bind(
        self, copy: str, stream: str, consumer: str, stream_id: str, consumer_id: str, floor: int
    ) -> bool:
        await self._database.checkpoint("bind position")
        if copy != str(self._database.copy):
            return False
        found = self._find(stream, consumer)
        applied, applied_at = 0, None
        if found is not None and found.stream_id == stream_id:
            applied, applied_at = found.applied, found.applied_at
        bound = StreamPosition(stream_id, consumer_id, applied, applied_at, floor, True)
        self._database.positions[stream, consumer] = self._database.copy, bound
        await self._database.checkpoint("position bound")
        return True

    async def raise_floor(self, stream: str, consumer: str, consumer_id: str, floor: int) -> None:
        await self._database.checkpoint("raise floor of position")
        found = self._find(stream, consumer)
        if found is not None and found.is_current and found.consumer_id == consumer_id:
            higher = evolve(found, floor=max(found.floor, floor))
            self._database.positions[stream, consumer] = self._database.copy, higher
        await self._database.checkpoint("floor raised")

    def _find(self, stream: str, consumer: str) -> StreamPosition | None:
        copy, found = self._database.positions.get((stream, consumer), (0, None))
        is_current = copy == self._database.copy
        if found is None or found.is_current == is_current:
            return found
        return evolve(found, is_current=is_current)
