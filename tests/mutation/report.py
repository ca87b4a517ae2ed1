"""The result of a run: a table by module, and each survivor."""

from collections import defaultdict
from collections.abc import Collection, Iterable

from attrs import define, field

from tests.mutation.lanes import Verdict
from tests.mutation.mutants import Mutant

# Longer lines are cut in the table of survivors; the list of equivalent mutants needs all of it.
COLUMNS = 300


@define
class Tally:
    """How many mutants there are, and what became of them."""

    killed: int = 0
    equivalent: int = 0
    survived: int = 0

    @property
    def mutants(self) -> int:
        return self.killed + self.equivalent + self.survived

    @property
    def score(self) -> float:
        """Return the part of the mutants that a test finds, of those that one could find."""
        possible = self.killed + self.survived
        return self.killed / possible if possible else 1.0

    def add(self, other: "Tally") -> None:
        self.killed += other.killed
        self.equivalent += other.equivalent
        self.survived += other.survived


@define
class Report:
    """What is said at the end."""

    equivalents: Collection[tuple[str, str, str, str]]
    tallies: defaultdict[str, Tally] = field(factory=lambda: defaultdict(Tally))
    survivors: list[Mutant] = field(factory=list)
    stale: list[str] = field(factory=list)

    def add(self, mutant: Mutant, verdict: Verdict) -> None:
        tally = self.tallies[mutant.path]
        is_listed = mutant.key in self.equivalents
        if verdict.end != "survived":
            tally.killed += 1
            if is_listed:
                self.stale.append(f"{_place(mutant)}: found by {verdict.test}\n{_diff(mutant)}")
        elif is_listed:
            tally.equivalent += 1
        else:
            tally.survived += 1
            self.survivors.append(mutant)

    def check_listed(self, mutants: Iterable[Mutant], paths: Collection[str]) -> None:
        """Note what is listed as equivalent and does not exist, in modules that are complete."""
        known = {each.key for each in mutants}
        for path, name, before, after in sorted({*self.equivalents} - known):
            if path in paths:
                self.stale.append(f"{path} {name}: no such mutant\n  - {before}\n  + {after}")

    @property
    def total(self) -> Tally:
        total = Tally()
        for each in self.tallies.values():
            total.add(each)
        return total

    def lines(self) -> list[str]:
        found = sorted(self.survivors, key=lambda each: (each.path, each.line))
        lines = [f"{_place(each)}\n{_diff(each)}" for each in found]
        if self.stale:
            lines += ["", "Listed as equivalent, but not any more:", *self.stale]
        return [*lines, "", *self._table()]

    def _table(self) -> list[str]:
        width = max([len("module"), *map(len, self.tallies)])
        rows = [f"{'module':{width}} mutants  killed  equivalent  survivors    score"]
        for name, each in [*sorted(self.tallies.items()), ("all", self.total)]:
            rows.append(
                f"{name:{width}} {each.mutants:7} {each.killed:7} {each.equivalent:11}"
                f" {each.survived:10} {each.score:8.1%}"
            )
        return rows


def _place(mutant: Mutant) -> str:
    return f"{mutant.path}:{mutant.line} {mutant.name} ({mutant.kind})"


def _diff(mutant: Mutant) -> str:
    return f"  - {mutant.original[:COLUMNS]}\n  + {mutant.mutated[:COLUMNS]}"
