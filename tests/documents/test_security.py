"""docs/security.md: every requirement is in one table, and every test that it names exists."""

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Final

ROOT = Path(__file__).parents[2]
DOCUMENT: Final = (ROOT / "docs/security.md").read_text()
LIST: Final = Path(__file__).parent / "asvs/requirements.txt"

_NUMBER: Final = r"V\d+(?:\.\d+){0,2}"


def requirements() -> list[str]:
    """Return the numbers of the requirements of levels 1 and 2."""
    return [line.split()[0] for line in LIST.read_text().splitlines()]


def rows() -> list[tuple[list[str], str]]:
    """Return of each row of the tables its requirements, chapters or sections, and the rest."""
    found = re.findall(rf"^\| ({_NUMBER}(?:, {_NUMBER})*) \|(.*)$", DOCUMENT, re.MULTILINE)
    return [(numbers.split(", "), rest) for numbers, rest in found]


@cache
def functions_of(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text())
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(each.name for each in ast.walk(tree) if isinstance(each, functions))


def test_every_requirement_is_in_one_table() -> None:
    numbers = requirements()
    counted = Counter[str]()
    for named, _ in rows():
        for name in named:
            covered = [each for each in numbers if each == name or each.startswith(f"{name}.")]
            assert covered, f"{name} is no requirement of level 1 or 2"
            counted.update(covered)
    assert {each: counted[each] for each in numbers if counted[each] != 1} == {}


def test_the_list_is_that_of_the_standard() -> None:
    # ASVS 5.0.0 has 70 requirements of level 1 and 183 more of level 2.
    levels = Counter(line.split()[1] for line in LIST.read_text().splitlines())
    assert levels == {"1": 70, "2": 183}


def test_every_test_that_it_names_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", DOCUMENT)
    assert len(named) == DOCUMENT.count("::")
    assert not [f"{file}::{name}" for file, name in named if name not in functions_of(file)]


def test_what_is_fulfilled_has_a_test() -> None:
    fulfilled = DOCUMENT.partition("\n## Fulfilled\n")[2].partition("\n## ")[0]
    lines = re.findall(rf"^\| {_NUMBER}.*$", fulfilled, re.MULTILINE)
    assert lines
    assert not [line for line in lines if "::test_" not in line]
