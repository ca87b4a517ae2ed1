"""LimitDeclines: stop a user or an address that tries card after card."""

from collections.abc import Collection, Mapping
from datetime import timedelta

from attrs import field, frozen

from application.ports.decline_counter import DeclineCounter
from application.ports.unit_of_work import StorageUnavailable


@frozen
class TooManyDeclines(Exception):
    """This source has had too many declines; nothing was charged."""

    retry_after: timedelta


@frozen
class LimitDeclines:
    """Refuse attempts of a source (`kind:name`, such as `user:42`) that has too many declines."""

    counter: DeclineCounter
    window: timedelta
    max_declines: Mapping[str, int] = field(factory=dict)
    """The most declines within the window, by kind of source; a kind without one has no limit."""

    def check(self, declines: Mapping[str, int]) -> None:
        """Return if the attempt is allowed, with so many declines of each of its sources.

        Raises:
            TooManyDeclines: one of the sources has reached its limit.
        """
        for source, limit in self.limits(declines).items():
            if declines[source] >= limit:
                raise TooManyDeclines(self.window)

    async def record(self, sources: Collection[str]) -> None:
        """Count a decline. It is not counted if the database fails: the reply is more urgent."""
        limits = self.limits(sources)
        try:
            if limits:
                await self.counter.add(list(limits))
        except StorageUnavailable:
            return

    def limits(self, sources: Collection[str]) -> dict[str, int]:
        """Return the limits of the sources that have one."""
        kinds = ((source, source.partition(":")[0]) for source in sources)
        most = self.max_declines
        return {source: most[kind] for source, kind in kinds if kind in most}
