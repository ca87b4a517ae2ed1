"""LimitDeclines: stop who tries card after card."""

from collections.abc import Collection, Mapping
from datetime import timedelta

from attrs import field, frozen

from application.ports.decline_counter import DeclineCounter
from application.ports.unit_of_work import StorageUnavailable


@frozen
class TooManyDeclines(Exception):
    """This source had too many declines lately; nothing was charged."""

    retry_after: timedelta


@frozen
class LimitDeclines:
    """Refuse further attempts of a source (`kind:name`, such as `user:42`) with too many declines."""

    counter: DeclineCounter
    window: timedelta
    most: Mapping[str, int] = field(factory=dict)
    """The most declines within the window, by kind of source; a kind without one is not limited."""

    async def check(self, sources: Collection[str]) -> None:
        """Let the attempt pass, or not.

        Raises:
            TooManyDeclines: one of the sources is over its limit.
            StorageUnavailable: nothing was charged.
        """
        limited = [source for source in sources if self._most(source) is not None]
        if not limited:
            return
        counted = await self.counter.count(limited, self.window)
        if any(counted[source] >= (self._most(source) or 0) for source in limited):
            raise TooManyDeclines(self.window)

    async def record(self, sources: Collection[str]) -> None:
        """Count a decline. Where the database is gone it goes uncounted: the answer is more urgent."""
        limited = [source for source in sources if self._most(source) is not None]
        try:
            if limited:
                await self.counter.add(limited)
        except StorageUnavailable:
            return

    def _most(self, source: str) -> int | None:
        return self.most.get(source.partition(":")[0])
