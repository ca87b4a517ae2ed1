"""Results: what was measured in several rounds, beside a floor measured in the same rounds."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Final

from attrs import field, frozen

CLIENT: Final = "client"
"""The name of the process that only sends the load."""


@frozen
class Sample:
    """One round of one kind of work."""

    value: float
    cpu: Mapping[str, float] = field(factory=dict)
    """CPU time in microseconds for each unit of work, by process."""
    details: Mapping[str, float] = field(factory=dict)
    """Other figures of the round, by their name and unit, such as `p99 ms`."""


@frozen
class Measured:
    """The rounds of one kind of work."""

    name: str
    samples: Sequence[Sample]

    @property
    def value(self) -> float:
        """The median."""
        return statistics.median(self.values)

    @property
    def values(self) -> Sequence[float]:
        return [sample.value for sample in self.samples]

    @property
    def cpu(self) -> Mapping[str, float]:
        """The median CPU time of each process."""
        return _medians([sample.cpu for sample in self.samples])

    @property
    def details(self) -> Mapping[str, float]:
        """The median of each other figure."""
        return _medians([sample.details for sample in self.samples])


@frozen
class Result:
    """Work beside its floor: the least that any program would have to do for it."""

    work: Measured
    unit: str
    floor: Measured | None = None
    inverted: bool = False
    """Whether less is better, so that the ratio is the floor's value divided by the work's."""

    @property
    def ratios(self) -> Sequence[float]:
        """The ratio of each round to the floor of the same round; empty without a floor."""
        if self.floor is None:
            return []
        pairs = zip(self.work.values, self.floor.values, strict=True)
        return [floor / work if self.inverted else work / floor for work, floor in pairs]

    @property
    def cpu_ratio(self) -> float | None:
        """The CPU time of the floor divided by that of the work; a loaded machine changes it least.

        Our client is not part of the work, but pgbench is part of its floor.
        """
        if self.floor is None or not self.floor.cpu:
            return None
        work = sum(each for name, each in self.work.cpu.items() if name != CLIENT)
        floor = sum(each for name, each in self.floor.cpu.items() if name != CLIENT)
        return floor / work if work else None

    def as_json(self) -> dict[str, object]:
        """Return every figure, the single rounds too."""
        return {
            "name": self.work.name,
            "unit": self.unit,
            "ratio": statistics.median(self.ratios) if self.ratios else None,
            "ratios": list(self.ratios),
            "cpu_ratio": self.cpu_ratio,
            "work": _as_json(self.work),
            "floor": _as_json(self.floor) if self.floor else None,
        }


def percentile(values: Sequence[float], percent: int) -> float:
    """Return a percentile of the values; of few values, the nearest one."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def _medians(figures: Sequence[Mapping[str, float]]) -> Mapping[str, float]:
    names = list(dict.fromkeys(name for each in figures for name in each))
    return {
        name: statistics.median(each[name] for each in figures if name in each) for name in names
    }


def _as_json(measured: Measured) -> dict[str, object]:
    return {
        "name": measured.name,
        "median": measured.value,
        "rounds": list(measured.values),
        "cpu_microseconds": dict(measured.cpu),
        "details": dict(measured.details),
    }
