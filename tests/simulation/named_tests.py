"""Named tests: for each planted bug, a test that fails with it and needs no luck.

`python -m tests.simulation.named_tests > new.txt` finds them again, one after another.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from tests.simulation.planted_bugs import BUGS
from tests.simulation.planting import PLANTED_BUG

ROOT: Final = Path(__file__).parents[2]

_SEARCHED: Final = (
    "tests/domain",
    "tests/use_cases",
    "tests/entrypoints/worker",
    "tests/entrypoints/http",
)
_SWEEP: Final = "tests/simulation/test_sweep.py"
"""It needs no luck either, and finds what is wrong with the adapters in memory."""
_CLOSE: Final = 40
"""How many tests with similar names are tried before all of them."""
_FAILED: Final = re.compile(r"^FAILED (tests/[^\s\[]+)", re.MULTILINE)
_SECONDS: Final = 300.0
_TESTS_FAILED: Final = 1
"""What pytest exits with if tests failed, and nothing worse happened."""


def failing(bug: str, *tests: str) -> list[str]:
    """Return which of these tests fail with a bug, without their parameters."""
    options = ("-q", "-n", "0", "-p", "no:cacheprovider", "-p", "tests.simulation.planting")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *tests],
        cwd=ROOT,
        env={**os.environ, PLANTED_BUG: bug},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    return [*dict.fromkeys(_FAILED.findall(run.stdout))] if run.returncode == _TESTS_FAILED else []


def _words(name: str) -> set[str]:
    """Return the beginnings of the longer words, which most of their forms have in common."""
    return {each[:5] for each in re.findall(r"[a-z]{4,}", name.lower())}


def by_closeness(bug: str, tests: Iterable[str]) -> list[str]:
    """Return the tests with the most words of the bug's name first."""
    return sorted(tests, key=lambda each: -len(_words(each) & _words(bug)))


def _find(bug: str) -> str | None:
    """Return a test that fails with a bug, with a name like that of the bug if there is one."""
    close = by_closeness(bug, _all_tests())[:_CLOSE]
    failed = failing(bug, *close) or failing(bug, "-x", *_SEARCHED) or failing(bug, "-x", _SWEEP)
    return next(iter(by_closeness(bug, failed)), None)


def _all_tests() -> Iterator[str]:
    for directory in _SEARCHED:
        for path in sorted(Path(ROOT, directory).rglob("test_*.py")):
            for name in re.findall(r"^(?:async )?def (test_\w+)\(", path.read_text(), re.MULTILINE):
                yield f"{path.relative_to(ROOT)}::{name}"


def main() -> None:
    """Print a test for each bug."""
    for bug in BUGS:
        print(f"{bug.name} | {_find(bug.name) or '–'}", flush=True)


if __name__ == "__main__":
    main()
