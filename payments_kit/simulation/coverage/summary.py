"""Summary: the coverage of many runs, printed or for programs."""

from collections.abc import Iterable, Sequence
from typing import Any

from attrs import frozen
from rich.console import Console
from rich.table import Table

from payments_kit.simulation.coverage.branches import Branch, ModuleCoverage, measure
from payments_kit.simulation.coverage.reasons import Reason, read_reasons
from payments_kit.simulation.coverage.tracing import Arcs


@frozen
class CoverageSummary:
    """The coverage of each module, and what the reviewed list says about what is not hit."""

    modules: Sequence[ModuleCoverage]
    reasons: Sequence[Reason]

    @classmethod
    def of(cls, arcs: Arcs) -> "CoverageSummary":
        """Compare what has run with the list."""
        return cls(measure([arcs]), read_reasons())

    @property
    def unhit(self) -> list[Branch]:
        """Everything that was not hit."""
        return [branch for module in self.modules for branch in module.unhit]

    @property
    def unlisted(self) -> list[Branch]:
        """What was not hit although the list has no reason for it."""
        listed = {branch for reason in self.reasons for branch in reason.tests}
        return [branch for branch in self.unhit if branch not in listed]

    @property
    def hit_although_listed(self) -> list[Branch]:
        """What the list says is never hit, and was hit."""
        return self._hit(is_rare=False)

    @property
    def hit_and_rare(self) -> list[Branch]:
        """What the list says is rare, and was hit: if it always is, it needs no entry."""
        return self._hit(is_rare=True)

    def _hit(self, *, is_rare: bool) -> list[Branch]:
        reasons = (reason for reason in self.reasons if reason.is_rare is is_rare)
        listed = (branch for reason in reasons for branch in reason.tests)
        return [each for each in listed if any(module.has_hit(each) for module in self.modules)]

    def print(self, console: Console) -> None:
        """Print a table of the modules, then what is not hit: first what has no reason."""
        console.print(_table(self.modules))
        if self.unlisted:
            console.print("Not hit, and no reason is listed:", style="yellow")
            _print_all(console, self.unlisted)
        unhit = {branch: branch for branch in self.unhit}
        for reason in self.reasons:
            if found := [unhit[branch] for branch in reason.tests if branch in unhit]:
                console.print(f"Not hit: {reason.why}", markup=False, soft_wrap=True)
                _print_all(console, found)
        if self.hit_although_listed:
            console.print("Hit, although a reason is listed why they are not:", style="yellow")
            _print_all(console, self.hit_although_listed)
        if self.hit_and_rare:
            console.print("Hit, and listed as rare:")
            _print_all(console, self.hit_and_rare)

    def as_json(self) -> dict[str, Any]:
        """Return the coverage for programs."""
        unlisted = set(self.unlisted)
        return {
            "modules": {
                module.path: {
                    "lines": module.lines,
                    "lines_hit": module.lines_hit,
                    "branches": module.branches,
                    "branches_hit": module.branches_hit,
                }
                for module in self.modules
            },
            "unhit": [
                {
                    "file": branch.path,
                    "number": branch.number,
                    "name": branch.name,
                    "line": branch.line,
                    "target": branch.target,
                    "has_reason": branch not in unlisted,
                }
                for branch in self.unhit
            ],
        }


def _print_all(console: Console, branches: Iterable[Branch]) -> None:
    for branch in branches:
        console.print(f"  {branch}", markup=False, soft_wrap=True)


def _table(modules: Sequence[ModuleCoverage]) -> Table:
    table = Table(title="coverage of what runs in functions", title_justify="left")
    table.add_column("module")
    for column in ("lines", "hit", "branches", "hit"):
        table.add_column(column, justify="right")
    for module in modules:
        table.add_row(module.path, *_counts([module]))
    table.add_section()
    for package in sorted({module.path.partition("/")[0] for module in modules}):
        of_package = [each for each in modules if each.path.startswith(f"{package}/")]
        table.add_row(f"{package}/", *_counts(of_package))
    table.add_row("both", *_counts(modules))
    return table


def _counts(modules: Sequence[ModuleCoverage]) -> tuple[str, str, str, str]:
    lines, branches = sum(each.lines for each in modules), sum(each.branches for each in modules)
    return (
        str(lines),
        _share(sum(each.lines_hit for each in modules), lines),
        str(branches),
        _share(sum(each.branches_hit for each in modules), branches),
    )


def _share(hit: int, number: int) -> str:
    return f"{hit / number:.1%}" if number else "-"
