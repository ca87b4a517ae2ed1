"""Differences in memory."""

from collections.abc import Sequence

from attrs import evolve, frozen

from adapters.persistence.in_memory.tables import InMemoryTables, StoredDifference
from application.ports.differences import (
    MAX_VALUE,
    ComparedPeriod,
    Difference,
    OpenDifference,
    PlaceOfDifference,
)


@frozen
class InMemoryDifferences:
    """Differences by gateway, mode, kind and subject."""

    _database: InMemoryTables

    async def record(self, found: Sequence[Difference]) -> None:
        await self._database.checkpoint("record differences")
        stored, now = self._database.differences, self._database.now()
        for each in found:
            key = each.gateway, each.livemode, each.kind, each.subject
            before = stored.get(key)
            is_open = before is not None and before.resolved_at is None
            stored[key] = StoredDifference(
                difference=_bounded(each),
                found_at=before.found_at if before is not None and is_open else now,
                seen_at=now,
                resolved_at=now if each.repaired else None,
            )

    async def list_open(
        self, limit: int, after: PlaceOfDifference | None = None
    ) -> Sequence[OpenDifference]:
        await self._database.checkpoint("list differences")
        stored = self._database.differences.values()
        found = sorted(
            (
                OpenDifference(each.difference, each.found_at, each.seen_at)
                for each in stored
                if each.resolved_at is None
            ),
            key=lambda each: _place(each.place),
        )
        if after is not None:
            found = [each for each in found if _place(each.place) > _place(after)]
        return found[:limit]

    async def resolve(self, compared: ComparedPeriod) -> int:
        await self._database.checkpoint("resolve differences")
        resolved = 0
        for key, each in self._database.differences.items():
            if each.resolved_at is None and _is_over(each, compared):
                self._database.differences[key] = evolve(each, resolved_at=self._database.now())
                resolved += 1
        return resolved


def _place(place: PlaceOfDifference) -> tuple[object, ...]:
    return place.found_at, place.gateway, place.livemode, place.kind.value, place.subject


def _is_over(stored: StoredDifference, compared: ComparedPeriod) -> bool:
    found = stored.difference
    is_there = (found.gateway, found.livemode) == (compared.gateway, compared.livemode)
    was_compared = compared.since <= found.at < compared.until
    return is_there and was_compared and stored.seen_at < min(compared.began_at, compared.until)


def _bounded(found: Difference) -> Difference:
    ours, theirs, reason = (
        None if each is None else each[:MAX_VALUE]
        for each in (found.ours, found.theirs, found.reason)
    )
    return evolve(found, ours=ours, theirs=theirs, reason=reason)
