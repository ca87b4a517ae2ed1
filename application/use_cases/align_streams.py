"""AlignStreams: read a stream again from where our books end.

What the broker knows as acknowledged was committed to the books first. The books can lose it
nevertheless: a backup is restored, or a standby is promoted that had not received the last
transactions. The broker would never deliver these events again by itself.
"""

from attrs import frozen

from application.ports.alerts import AlertKind, Alerts
from application.ports.event_publisher import BrokerUnsuitable
from application.ports.inbound_events import InboundEvents, StreamProgress
from application.ports.stream_positions import StreamPosition, StreamPositions
from application.ports.unit_of_work import StorageUnavailable


@frozen
class AlignStreams:
    """Compare what was acknowledged with what the books contain, and read the rest again."""

    events: InboundEvents
    positions: StreamPositions
    alerts: Alerts

    async def __call__(self) -> None:
        """Align each stream of a subscription; nothing changes where it is aligned.

        Any number of processes may do so at the same time: each sets the subscription back at most
        once, and events that are delivered again change nothing.

        Raises:
            BrokerUnavailable, StorageUnavailable: repeat it before events are applied.
        """
        try:
            await self._align_all()
        except BrokerUnsuitable as unsuitable:
            await self.alerts.report(unsuitable.kind, unsuitable.subject, str(unsuitable))
            raise

    async def _align_all(self) -> None:
        # What follows is bound only in this copy of the books: after a failover in between, what
        # was delivered meanwhile may be lost, and all is read and decided again.
        copy = await self.positions.copy()
        # What was acknowledged is read first: the books may only have more by then, not less.
        for progress in await self.events.progress():
            position = await self.positions.read(progress.stream, progress.consumer)
            if position is not None and await self._has_lost_events(progress, position):
                position = None
            await self._align(copy, progress, position)

    async def _has_lost_events(self, progress: StreamProgress, position: StreamPosition) -> bool:
        """Whether the stream is older than the position, and will give its numbers to new events.

        It is read once more, as events may have arrived and been applied meanwhile.
        """
        known = max(position.applied, position.floor)
        if known <= progress.last:
            return False
        again = await self.events.progress()
        return any(each.stream_id == position.stream_id and known > each.last for each in again)

    async def _align(
        self, copy: str, progress: StreamProgress, position: StreamPosition | None
    ) -> None:
        if position is None or position.stream_id != progress.stream_id:
            if position is not None:
                await self._report_recreated(progress, position)
            if progress.is_untouched:
                await self._bind(copy, progress, _before_beginning(progress))
            else:
                await self._report(progress, "these books have no record of it")
                await self._set_back(copy, progress, None)
            return
        read_to = max(position.applied, position.floor)
        is_behind = progress.acknowledged > read_to and (
            await self.events.has_acknowledged(progress, read_to)
        )
        if is_behind:
            await self._report(progress, f"these books end at {read_to} ({position.applied_at})")
        if is_behind or not position.is_current or await self._skips(progress, position):
            await self._set_back(copy, progress, position.floor)
        elif position.consumer_id != progress.consumer_id:
            await self._bind(copy, progress, position.floor)
        elif progress.acknowledged > position.floor:
            await self.positions.raise_floor(
                progress.stream, progress.consumer, progress.consumer_id, progress.acknowledged
            )

    async def _skips(self, progress: StreamProgress, position: StreamPosition) -> bool:
        """Whether a consumer that the books do not know may leave out events that they lack.

        It may begin after them. Or it counts them as acknowledged, as the consumer before it did.
        They are compared with the floor, because an event before the last one that was applied may
        be missing.
        """
        if position.consumer_id == progress.consumer_id:
            return False
        if progress.begins is None or progress.begins > position.floor + 1:
            return True
        return progress.acknowledged > position.floor and (
            await self.events.has_acknowledged(progress, position.floor)
        )

    async def _report(self, progress: StreamProgress, found: str) -> None:
        await self.alerts.report(
            AlertKind.BOOKS_BEHIND,
            f"{progress.stream}/{progress.consumer}",
            f"events up to {progress.acknowledged} of stream {progress.stream} were acknowledged,"
            f" but {found}: they are read again",
        )

    async def _report_recreated(self, progress: StreamProgress, before: StreamPosition) -> None:
        await self.alerts.report(
            AlertKind.STREAM_RECREATED,
            f"{progress.stream}/{progress.consumer}",
            f"stream {progress.stream} was deleted and created again, and is read from its"
            f" beginning: of the one before, these books end at {before.applied}"
            f" ({before.applied_at}), and what came later must be published again",
        )

    async def _set_back(self, copy: str, progress: StreamProgress, floor: int | None) -> None:
        begin = None if floor is None else floor + 1
        again = await self.events.set_back(progress, begin)
        await self._bind(copy, again, _before_beginning(again) if floor is None else floor)

    async def _bind(self, copy: str, progress: StreamProgress, floor: int) -> None:
        names = progress.stream, progress.consumer, progress.stream_id, progress.consumer_id
        if not await self.positions.bind(copy, *names, floor):
            raise StorageUnavailable("the database was replaced while a stream was aligned")


def _before_beginning(progress: StreamProgress) -> int:
    """Return the sequence before the first one that the consumer delivers."""
    return (progress.begins or 1) - 1
