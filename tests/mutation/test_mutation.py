"""The mutation run finds what tests find, and says what they do not find."""

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import CliRunner

from tests.mutation.command import main
from tests.mutation.covering import moved_lines
from tests.mutation.equivalent import BadEquivalent, read_equivalents
from tests.mutation.lanes import Lane, Notes, Task, Verdict, forked, limit_time

ROOT = Path(__file__).parents[2]

# On a quiet machine it takes three seconds.
SECONDS = 120.0

MODULE = """
    FREE_FROM = 100

    def smallest(price: int) -> int:
        while price > 1:
            price -= 1
        return price

    SMALLEST = smallest(3)

    def shipping(price: int) -> int:
        if price >= FREE_FROM:
            return 0
        return 5 if price else forever(price)

    def forever(price: int) -> int:
        while price:
            price -= 1
        return price
    """

TESTS = """
    import pytest
    from shop.price import SMALLEST, shipping

    def test_the_smallest_price_is_one() -> None:
        assert SMALLEST == 1

    @pytest.mark.parametrize(("price", "costs"), [(101, 0), (99, 5), (0, 0)])
    def test_a_high_price_includes_the_shipping(price: int, costs: int) -> None:
        assert shipping(price) == costs
    """

LISTED = """
    # The comment is no mutant.
    shop/price.py forever
    - while price:
    + while False:
    = it is called for nothing alone

    shop/price.py shipping
    - return 0
    + return 1
    = a wrong reason

    shop/price.py shipping
    - return 7
    + return 8
    = there is no such line
    """

RUN = """
    import sys
    from pathlib import Path
    from tests.mutation.project import Project
    from tests.mutation.run import Request, Run
    root = Path(sys.argv[1])
    shop = Project(root, ("shop",), (), ("tests/test_price.py",), import_seconds=1.0)
    report = Run(shop, Request(verbose=True))()
    print("\\n".join(report.lines()))
    """


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    files = {
        "shop/__init__.py": "",
        "shop/price.py": MODULE,
        "tests/test_price.py": TESTS,
        "tests/mutation/equivalent/shop.txt": LISTED,
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(dedent(text))
    return folder


@pytest.fixture(scope="module")
def first(shop: Path) -> subprocess.CompletedProcess[str]:
    return run(shop)


def run(shop: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", dedent(RUN), str(shop)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )


def test_a_run_tells_mutants_that_survive_from_those_that_tests_find(
    first: subprocess.CompletedProcess[str],
) -> None:
    *_, row, _ = first.stdout.splitlines()
    survivors = [line for line in first.stdout.splitlines() if line.startswith("  + ")]
    # No test has a price at the boundary.
    assert "  + FREE_FROM = 101" in survivors
    assert "  + if price > FREE_FROM:" in survivors
    assert "  + if price <= FREE_FROM:" not in survivors
    assert "comparison: killed tests/test_price.py::test_a_high" in first.stderr
    assert row.split()[0] == "shop/price.py"
    assert int(row.split()[3]) == 1, "one is listed as equivalent"


def test_a_mutant_that_never_ends_while_the_tests_are_imported_is_found(
    first: subprocess.CompletedProcess[str],
) -> None:
    line = 1 + dedent(MODULE).splitlines().index("        price -= 1")
    assert f"shop/price.py:{line} statement: time" in first.stderr


def test_a_run_says_what_is_wrongly_listed_as_equivalent(
    first: subprocess.CompletedProcess[str],
) -> None:
    stale = first.stdout.split("Listed as equivalent, but not any more:")[1]
    assert "found by tests/test_price.py" in stale
    assert "shop/price.py shipping: no such mutant" in stale
    assert "while False" not in stale


def test_a_run_uses_the_verdicts_of_the_run_before(
    shop: Path, first: subprocess.CompletedProcess[str]
) -> None:
    second = run(shop)
    assert second.stdout == first.stdout
    assert "killed" not in second.stderr


def test_a_mutant_that_never_ends_is_found_by_a_time_limit() -> None:
    def forever(_task: Task, note: Notes) -> str:
        note("test", "the first")
        limit_time(0.05)
        while True:
            pass

    assert forked(Task("shop/price.py", None, None, ()), forever) == Verdict("time", "the first")


def test_the_lines_of_a_changed_module_are_found_again() -> None:
    before, after = "a\nb\nc\nd\ne\n", "new\na\nB\nBB\nc\nd\nmore\ne\n"
    lines = moved_lines(before, after)
    assert {each: lines[each] for each in range(1, 6)} == {
        1: [1, 2],
        2: [3, 4],
        3: [5],
        4: [6, 7],
        5: [7, 8],
    }


def test_a_list_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "domain.txt").write_text("domain/money.py Money\n- a\n= no mutated line\n")
    with pytest.raises(BadEquivalent, match=r"domain\.txt"):
        read_equivalents(tmp_path)


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("domain/nothing.py", "there is no module or folder domain/nothing.py in domain/ and"),
        ("domain/mone", "there is no module or folder domain/mone in domain/ and application/"),
        ("entrypoints", "there is no module or folder entrypoints in domain/ and application/"),
        ("domain/money.py:0", "domain/money.py has no line 0"),
        ("domain/money.py:99999", "domain/money.py has no line 99999: its last one is"),
        ("domain/money.py:x", "domain/money.py has no line x"),
        ("domain:3", "domain is a folder"),
    ],
)
def test_a_path_that_does_not_exist_is_an_error_before_any_test_is_collected(
    path: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lane, "start", pytest.fail)
    ended = CliRunner().invoke(main, ["domain/order.py", path])
    assert ended.exit_code == 1
    assert ended.output.startswith(f"Error: {problem}")
