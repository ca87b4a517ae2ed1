"""Bugs of the limits of declined cards."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Final

from adapters.persistence.in_memory.decline_counter import InMemoryDeclineCounter
from application.use_cases.limit_declines import LimitDeclines, TooManyDeclines
from tests.simulation.bug import Bug

_check = LimitDeclines.check
_add = InMemoryDeclineCounter.add


def _one_too_late(self: LimitDeclines, declines: Mapping[str, int]) -> None:
    _check(self, {source: count - 1 for source, count in declines.items()})


def _only_if_every_source_has_too_many(self: LimitDeclines, declines: Mapping[str, int]) -> None:
    limits = self.limits(declines)
    if limits and all(declines[source] >= limit for source, limit in limits.items()):
        raise TooManyDeclines(self.window)


async def _counted_for_everybody(self: InMemoryDeclineCounter, sources: Collection[str]) -> None:
    known = {source for source in self._database.declines if source.startswith("user:")}
    await _add(self, sorted({*sources, *known}))


async def _never_ends(self: InMemoryDeclineCounter, sources: Collection[str]) -> None:
    await _add(self, sources)
    for source in sources:
        moments = self._database.declines[source]
        moments[-1] += timedelta(days=1)


DECLINE_BUGS: Final = (
    Bug("the limit is one too high", LimitDeclines, "check", _one_too_late),
    Bug(
        "only both sources together are limited",
        *(LimitDeclines, "check", _only_if_every_source_has_too_many),
    ),
    Bug("a decline counts for everybody", InMemoryDeclineCounter, "add", _counted_for_everybody),
    Bug("a limit never ends", InMemoryDeclineCounter, "add", _never_ends),
)
