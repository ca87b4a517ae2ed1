"""The coverage of the simulation, and the reviewed list of what it does not reach."""

import ast
import json
import re
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from domain.money import Currency, Money
from payments_kit.simulation import command
from payments_kit.simulation.command import simulate
from payments_kit.simulation.coverage.branches import (
    EXIT,
    NEVER_CALLED,
    NEVER_REACHED,
    Branch,
    measure,
)
from payments_kit.simulation.coverage.reasons import read_reasons
from payments_kit.simulation.coverage.summary import CoverageSummary
from payments_kit.simulation.coverage.tracing import ROOT, Arcs, Tracer
from payments_kit.simulation.seeds import run_seeds

SEEDS = 2000
JOBS = 2


def sources(name: str) -> tuple[Path, str]:
    """Return the file of a qualified name, and the name within it."""
    parts = name.split(".")
    for number in range(len(parts), 0, -1):
        file = ROOT.joinpath(*parts[:number]).with_suffix(".py")
        if file.is_file():
            return file, ".".join(parts[number:])
    raise AssertionError(f"{name} is in no module")


def functions(file: Path) -> dict[str, list[str]]:
    """Return the lines of each function of a file, by its name within it."""
    text, found = file.read_text().splitlines(), dict[str, list[str]]()

    def visit(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            name = prefix
            if isinstance(child, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                name = f"{prefix}.{child.name}".removeprefix(".")
                lines = text[child.lineno - 1 : child.end_lineno]
                found.setdefault(name, []).extend(line.strip() for line in lines)
            visit(child, name)

    visit(ast.parse(file.read_text()), "")
    return found


def why_stale(branch: Branch) -> str | None:
    """Return what the source no longer has of an entry of the list."""
    file, name = sources(branch.name)
    if not name:
        return None
    lines = functions(file).get(name)
    if lines is None:
        return f"{branch.name} does not exist"
    texts = [branch.line, branch.target]
    missing = [each for each in texts if each not in {"", *lines, *NOT_LINES}]
    return f"{branch.name} has no line `{missing[0]}`" if missing else None


NOT_LINES = (EXIT, NEVER_CALLED, NEVER_REACHED)


def test_each_entry_of_the_list_is_in_the_source_once_with_a_reason_and_a_test_that_exists() -> (
    None
):
    reasons = read_reasons()
    listed = [branch for reason in reasons for branch in reason.tests]
    assert [why for branch in listed if (why := why_stale(branch))] == []
    assert len(set(listed)) == len(listed)
    for reason in reasons:
        assert reason.why.endswith("."), reason
        assert reason.tests, reason.why
        for test in filter(None, reason.tests.values()):
            file, _, name = test.partition("::")
            assert f"def {name}(" in (ROOT / file).read_text(), test


def test_an_entry_whose_line_is_edited_is_stale() -> None:
    name = "domain.order_reviews.OrderReviews.decide_review"
    branch = Branch(name, "if reason is not None:", "raise CannotBeKept(payment_id, reason)")
    assert why_stale(branch) is None
    for stale in (
        Branch(name, "if reason is None:", "raise CannotBeKept(payment_id, reason)"),
        Branch(name, "if reason is not None:", "raise CannotBeKept(payment_id)"),
        Branch(f"{name}d", "", NEVER_CALLED),
    ):
        assert why_stale(stale) is not None


def arcs_of(first: int, seeds: int, jobs: int) -> Arcs:
    arcs = dict[str, set[tuple[int, int]]]()
    with run_seeds(range(first, first + seeds), jobs, measures=True) as results:
        for result in results:
            assert not result.is_broken
            for file, pairs in result.arcs.items():
                arcs.setdefault(file, set()).update(pairs)
    return arcs


def test_several_processes_reach_the_same() -> None:
    assert arcs_of(3, 3, jobs=2) == arcs_of(3, 3, jobs=1)


def test_what_is_not_hit_is_named_by_its_function_and_its_text() -> None:
    with Tracer() as tracer:
        assert Money.from_major(Decimal("1.50"), Currency("usd")).minor_units == 150
    arcs = tracer.take()
    assert set(arcs) == {str(ROOT / "domain/money.py")}
    assert tracer.take() == {}
    modules = {module.path: module for module in measure([arcs])}
    money = modules["domain/money.py"]
    assert 0 < money.branches_hit < money.branches
    assert 0 < money.lines_hit < money.lines
    name = "domain.money.Money"
    test = "if rest or not 0 <= minor_units <= MAX_MINOR_UNITS:"
    assert Branch(f"{name}.from_major", test, "raise InexactAmount(major, currency)") in money.unhit
    assert Branch(f"{name}.__add__", "", NEVER_CALLED) in money.unhit
    assert not any(branch.target.startswith("return cls(minor") for branch in money.unhit)
    never = Branch("domain.replica", "", NEVER_CALLED)
    assert modules["domain/replica.py"].unhit == (never,)


def test_only_what_was_taken_is_hit_although_it_is_listed() -> None:
    """What is inside a function that was never called, or behind another branch, was not hit."""
    with Tracer() as tracer:
        assert Money.from_major(Decimal("1.50"), Currency("usd")).minor_units == 150
    modules = {module.path: module for module in measure([tracer.take()])}
    money, name = modules["domain/money.py"], "domain.money.Money"
    assert money.has_hit(Branch(f"{name}.from_major", "", NEVER_CALLED))
    test = "if rest or not 0 <= minor_units <= MAX_MINOR_UNITS:"
    raises, returns = "raise InexactAmount(major, currency)", "return cls(minor_units, currency)"
    assert money.has_hit(Branch(f"{name}.from_major", test, returns))
    assert not money.has_hit(Branch(f"{name}.from_major", test, raises))
    assert not money.has_hit(Branch(f"{name}.from_major", raises, NEVER_REACHED))
    assert not money.has_hit(Branch(f"{name}.__add__", "", NEVER_CALLED))
    assert not money.has_hit(Branch(f"{name}.__add__", "if other:", EXIT))
    assert not modules["domain/replica.py"].has_hit(Branch(f"{name}.from_major", "", NEVER_CALLED))
    never = Branch("domain.replica.OrderReplica.merge", "if self:", EXIT)
    assert not modules["domain/replica.py"].has_hit(never)


def test_what_was_hit_is_printed_without_a_place() -> None:
    assert str(Branch("domain.money.Money.__add__", "", NEVER_CALLED)) == (
        "domain.money.Money.__add__: never called"
    )


def test_the_command_prints_the_coverage_and_writes_it_to_a_file(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    done = CliRunner().invoke(simulate, ["--seeds", "1", "--coverage", "--json", str(file)])
    assert done.exit_code == 0
    assert "domain/money.py" in done.output
    assert re.search(
        r"domain/money\.py:\d+ domain\.money\.Money\.__add__: never called", done.output
    )
    report = json.loads(file.read_text())
    assert report["seeds"] == 1
    assert report["faults"]["CRASH"].keys() == {
        *("words", "occurrences", "seeds", "possible_seeds", "rate")
    }
    assert report["activities"]["PAYS"]["occurrences"] > 0
    assert report["coverage"]["modules"]["domain/money.py"]["lines_hit"] > 0
    assert report["coverage"]["unhit"][0].keys() == {
        *("file", "number", "name", "line", "target", "has_reason")
    }


def test_numbers_for_programs_are_all_that_is_on_standard_output() -> None:
    done = CliRunner().invoke(simulate, ["--seeds", "2", "--json", "-"])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["seeds"] == 2
    assert "2 seeds from 1" in done.stderr


def test_the_command_names_the_library_that_coverage_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "is_installed", lambda: False)
    done = CliRunner().invoke(simulate, ["--coverage"])
    assert done.exit_code == 2
    assert "Error: --coverage needs the library coverage: pip install coverage" in done.output


def test_a_file_that_cannot_be_written_is_an_error_before_the_first_seed(tmp_path: Path) -> None:
    done = CliRunner().invoke(simulate, ["--json", str(tmp_path / "missing" / "report.json")])
    assert done.exit_code == 2
    assert "seed" not in done.output.partition("Error:")[2]


def test_a_report_stays_as_it_is_if_the_run_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_values: object, **_options: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "run", interrupted)
    file = tmp_path / "report.json"
    file.write_text("of yesterday")
    ended = CliRunner().invoke(simulate, ["--json", str(file)])
    assert ended.exit_code == command.INTERRUPTED
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [
        ("report.json", "of yesterday")
    ]


@pytest.mark.deep
def test_2000_seeds_reach_everything_that_the_list_does_not_name() -> None:
    summary = CoverageSummary.of(arcs_of(1, SEEDS, JOBS))
    assert [*map(str, summary.unlisted)] == []
    assert [*map(str, summary.hit_although_listed)] == []
