"""AdvancePositions: record that events ended that change nothing in the books."""

from collections.abc import Iterable

from attrs import frozen

from application.ports.stream_positions import EventPosition
from application.ports.unit_of_work import UnitOfWork
from application.retry import RetryOnConflict


@frozen
class AdvancePositions:
    """Record the positions of events that become dead letters."""

    retry: RetryOnConflict

    async def __call__(self, positions: Iterable[EventPosition]) -> None:
        """Record them in one commit; repeating it changes nothing.

        Raises:
            StorageUnavailable: nothing is known to be written.
        """
        ended = list(positions)

        async def decision(work: UnitOfWork) -> None:
            for position in ended:
                work.positions.advance(position)

        await self.retry(decision)
