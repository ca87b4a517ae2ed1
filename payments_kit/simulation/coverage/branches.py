"""Branches: what of domain/ and application/ was not reached, named so that edits do not matter."""

import ast
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from attrs import field, frozen

from payments_kit.simulation.coverage.tracing import PACKAGES, ROOT, Arcs, new_coverage

NEVER_CALLED: Final = "never called"
NEVER_REACHED: Final = "never reached"
EXIT: Final = "the end of the function"
"""The target of a branch that ends its function."""


@frozen(order=True)
class Branch:
    """A branch that was not taken, a line that was not reached, or what was never called.

    Two are equal if they have the same name and texts: line numbers change with every edit.
    """

    name: str
    """The qualified name of its function; of its module if no function of that was called."""
    line: str
    """The text of the line where it begins; empty for what was never called."""
    target: str
    """The text of the line where it leads, or what did not happen."""
    path: str = field(default="", eq=False, order=False)
    number: int = field(default=0, eq=False, order=False)

    def __str__(self) -> str:
        place = f"{self.path}:{self.number} " if self.path else ""
        what = f"{self.line} → {self.target}" if self.line else self.target
        return f"{place}{self.name}: {what}"


@frozen
class ModuleCoverage:
    """The coverage of the functions of one module.

    What runs at import is not counted: it runs whenever the module is used.
    """

    path: str
    lines: int
    lines_hit: int
    branches: int
    branches_hit: int
    unhit: tuple[Branch, ...]
    unreached: frozenset[tuple[str, str]]
    """Lines that were not reached, each as the name of its function and its text."""

    def has_hit(self, branch: Branch) -> bool:
        """Whether a branch is one of this module and was taken, or was called or reached.

        `unhit` alone does not say so: it has nothing of what is inside a function that was never
        called, or behind a branch that was not taken.
        """
        if not branch.name.startswith(f"{_name_of(self.path)}."):
            return False
        never = (each.name for each in self.unhit if each.target == NEVER_CALLED)
        if any(f"{branch.name}.".startswith(f"{name}.") for name in never):
            return False
        return branch not in self.unhit and (branch.name, branch.line) not in self.unreached


def measure(arcs: Iterable[Arcs]) -> list[ModuleCoverage]:
    """Return the coverage of each module that has functions, by path."""
    measured = new_coverage()
    data = measured.get_data()
    for each in arcs:
        data.add_arcs(each)
    with TemporaryDirectory() as folder:
        report = Path(folder, "coverage.json")
        # The files that no run has used, too.
        files = [str(each) for name in PACKAGES for each in (ROOT / name).rglob("*.py")]
        measured.json_report(files, outfile=str(report))
        reports = json.loads(report.read_text())["files"]
    modules = (_module(Path(name).resolve(), reports[name]) for name in sorted(reports))
    return [each for each in modules if each.lines]


def _module(file: Path, report: Mapping[str, Any]) -> ModuleCoverage:
    path, text = file.relative_to(ROOT).as_posix(), file.read_text().splitlines()
    functions = {name: each for name, each in report["functions"].items() if name}
    summaries = [each["summary"] for each in functions.values()]
    return ModuleCoverage(
        path,
        sum(each["num_statements"] for each in summaries),
        sum(each["covered_lines"] for each in summaries),
        sum(each["num_branches"] for each in summaries),
        sum(each["covered_branches"] for each in summaries),
        tuple(sorted(_unhit(path, text, functions))),
        frozenset(
            (f"{_name_of(path)}.{name}", text[line - 1].strip())
            for name, each in functions.items()
            for line in each["missing_lines"]
        ),
    )


def _name_of(path: str) -> str:
    return path.removesuffix(".py").replace("/", ".")


def _unhit(path: str, text: list[str], functions: Mapping[str, Any]) -> Iterator[Branch]:
    module = _name_of(path)
    called = [name for name, each in functions.items() if each["executed_lines"]]
    if not called:
        yield Branch(module, "", NEVER_CALLED, path, 1)
        return
    statements = _statements("\n".join(text))
    for name, report in functions.items():
        missing = report["missing_lines"]
        if not missing and not report["missing_branches"]:
            continue
        if name not in called:
            # A function inside one that was never called says nothing more.
            if not any(name.startswith(f"{each}.") for each in functions if each not in called):
                yield Branch(f"{module}.{name}", "", NEVER_CALLED, path, missing[0])
            continue
        targets = set[int]()
        for line, target in report["missing_branches"]:
            if line in missing:
                continue
            targets.add(target)
            leads_to = text[target - 1].strip() if target > 0 else EXIT
            yield Branch(f"{module}.{name}", text[line - 1].strip(), leads_to, path, line)
        for line in _unexplained(statements, set(missing), targets):
            yield Branch(f"{module}.{name}", text[line - 1].strip(), NEVER_REACHED, path, line)


def _statements(source: str) -> list[tuple[int | None, int, int]]:
    """Return each statement's line, the line of the one before it, and where that ends.

    The one before the handler of an exception is its `try`.
    """
    found = list[tuple[int | None, int, int]]()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Try):
            found += ((handler.lineno, node.lineno, node.lineno) for handler in node.handlers)
        for name in ("body", "orelse", "finalbody"):
            body = getattr(node, name, None)
            if isinstance(body, list):
                found += (
                    (after.lineno, it.lineno, it.end_lineno or 0) for it, after in pairwise(body)
                )
    return found


def _unexplained(
    statements: list[tuple[int | None, int, int]], missing: set[int], targets: set[int]
) -> Iterator[int]:
    """Yield the first lines that were not reached although no branch leads around them."""
    known = set(targets)
    for line, before, end in sorted(statements, key=lambda each: each[1], reverse=True):
        if line is None or line not in missing or line in targets or before in missing:
            continue
        if any(before <= each <= end for each in known):
            continue  # it is not reached because something in the statement before it is not
        known.add(line)
        yield line
