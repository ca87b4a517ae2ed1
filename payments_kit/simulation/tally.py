"""Tally: what occurred in many runs, and in how many of them."""

from typing import Any

from attrs import define, field

from payments_kit.simulation.activities import Activity
from payments_kit.simulation.coverage.tracing import Arcs
from payments_kit.simulation.faults import FaultKind
from payments_kit.simulation.seeds import SeedResult


@define
class Count:
    """How often something occurred."""

    occurrences: int = 0
    seeds: int = 0
    """The seeds in which it occurred."""
    possible: int = 0
    """The seeds in which it could occur."""

    @property
    def rate(self) -> float:
        """The part of the seeds in which it could occur and did."""
        return self.seeds / self.possible if self.possible else 0.0

    def add(self, occurrences: int, *, is_possible: bool) -> None:
        """Add one seed."""
        self.occurrences += occurrences
        self.seeds += occurrences > 0
        self.possible += is_possible or occurrences > 0


@define
class Tally:
    """The sums over all seeds."""

    seeds: int = 0
    steps: int = 0
    seconds: float = 0.0
    """Virtual time."""
    faults: dict[FaultKind, Count] = field(factory=lambda: {kind: Count() for kind in FaultKind})
    activities: dict[Activity, Count] = field(factory=lambda: {each: Count() for each in Activity})
    arcs: dict[str, set[tuple[int, int]]] = field(factory=dict)

    def add(self, result: SeedResult) -> None:
        """Add the result of one seed."""
        self.seeds += 1
        self.steps += result.steps
        self.seconds += result.seconds
        for kind, count in self.faults.items():
            count.add(result.happened[kind], is_possible=kind in result.possible)
        for activity, count in self.activities.items():
            count.add(result.activities[activity], is_possible=True)
        self._add_arcs(result.arcs)

    def _add_arcs(self, arcs: Arcs) -> None:
        for file, pairs in arcs.items():
            self.arcs.setdefault(file, set()).update(pairs)

    def never(self) -> list[str]:
        """Return the words for each fault and each activity that never occurred."""
        return [
            each.value
            for each, count in (*self.faults.items(), *self.activities.items())
            if not count.occurrences
        ]

    def as_json(self) -> dict[str, Any]:
        """Return everything but the coverage, for programs."""
        return {
            "seeds": self.seeds,
            "steps": self.steps,
            "virtual_seconds": self.seconds,
            "faults": _as_json(self.faults),
            "activities": _as_json(self.activities),
        }


def _as_json(counts: "dict[Any, Count]") -> dict[str, Any]:
    return {
        each.name: {
            "words": each.value,
            "occurrences": count.occurrences,
            "seeds": count.seeds,
            "possible_seeds": count.possible,
            "rate": round(count.rate, 4),
        }
        for each, count in counts.items()
    }
