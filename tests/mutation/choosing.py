"""Which tests may find a mutant, and in which order."""

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import PurePath
from typing import Final

from attrs import define, field, frozen

from tests.mutation.covering import Covered
from tests.mutation.mutants import Mutant
from tests.mutation.project import Project, python_in
from tests.mutation.source import FunctionNode

# So many tests of the last resort are tried: runs of the simulation, which take long.
LAST_RESORT_TESTS: Final = 12

# Of the tests that depend on a constant or a class, which are nearly all, the most promising ones:
# half of all tests, which take a tenth of the time of all. Those that find a shorter lease of a
# refund, and another default of its fields, came after the first 200.
DEPENDENT_TESTS: Final = 1500

# First those of the module and those that mention it, then others. Of both, the files of tests have
# turns, some sixty files: so many of each at a time.
FEW: Final = 3

# What found the last mutants of the same function, and of the same module, often finds the next.
RECENT: Final = 3

# A test of the module alone is tried before another one that is five times as fast; and before all
# others if the project is imported for it, which takes longer than most tests.
PREFERENCE: Final = 5

FAR: Final = 2
"""The distance of a test that does not mention what is changed."""


@frozen
class Statement:
    """A function, or a statement outside of functions: what it defines and what it mentions."""

    path: str
    lines: tuple[int, int]
    defines: frozenset[str]
    mentions: frozenset[str]
    is_function: bool


@define
class Choice:
    """The tests that may find a mutant, with what has found others."""

    project: Project
    covered: list[Covered]
    at_import: dict[str, set[int]]
    """The lines of functions that are run while tests are collected."""
    _by_line: dict[tuple[str, int], list[Covered]] = field(init=False)
    _mentioned_in: dict[str, frozenset[str]] = field(init=False)
    """The names that each file of tests mentions."""
    _mentioned_by: dict[str, frozenset[str]] = field(init=False)
    """Those that each function of a test mentions, with the file's constants that it uses."""
    _statements: list[Statement] = field(init=False)
    _dependent: dict[tuple[str, ...], dict[str, Covered]] = field(init=False, factory=dict)
    _killers: defaultdict[str, Counter[str]] = field(
        init=False, factory=lambda: defaultdict(Counter)
    )

    def __attrs_post_init__(self) -> None:
        self._by_line = defaultdict(list)
        for each in self.covered:
            for path, lines in each.lines.items():
                for line in lines:
                    self._by_line[path, line].append(each)
        root, packages = self.project.root, (*self.project.packages, *self.project.helpers)
        self._statements = [
            statement
            for package in packages
            for path in python_in(root, package)
            for statement in _statements(path, ast.parse((root / path).read_bytes()))
        ]
        trees = {
            file: ast.parse((root / file).read_bytes())
            for file in {each.file for each in self.covered}
        }
        self._mentioned_in = {file: _mentions(tree) for file, tree in trees.items()}
        self._mentioned_by = {
            f"{file}::{name}": mentioned
            for file, tree in trees.items()
            for name, mentioned in _mentioned_by_functions(file, tree)
        }

    def is_in_place(self, mutant: Mutant) -> bool:
        """Whether the code of the function can be replaced after everything is imported."""
        first, last = mutant.lines
        lines = self.at_import.get(mutant.path, set())
        return mutant.function is not None and not any(first <= each <= last for each in lines)

    def tests_for(self, mutant: Mutant) -> list[Covered]:
        """Return the tests that may find it, the most promising ones first."""
        first, last = mutant.lines
        tests = {
            each.test: each
            for line in range(first, last + 1)
            for each in self._by_line.get((mutant.path, line), ())
        }
        if not self.is_in_place(mutant):
            if mutant.names not in self._dependent:
                self._dependent[mutant.names] = self._that_depend_on(mutant.names)
            tests |= self._dependent[mutant.names]
        if mutant.function is not None and not self.is_in_place(mutant):
            tests |= self._that_may_run_at_import(mutant)
        ordinary = [each for each in tests.values() if not self.project.is_last_resort(each.test)]
        last_resort = [each for each in tests.values() if self.project.is_last_resort(each.test)]
        ordinary.sort(key=lambda each: self._rank(each, mutant))
        last_resort.sort(key=lambda each: each.file)
        if mutant.function is None:
            own = [each for each in ordinary if self._distance(each, mutant) < FAR]
            others = [each for each in ordinary if self._distance(each, mutant) == FAR]
            chosen = [*_some_of_each_file(own), *_some_of_each_file(others)]
            ordinary = chosen[:DEPENDENT_TESTS]
        times = [each for each in self.covered if each.test == self.project.of_times]
        first_tests = times if mutant.kind == "time" else []
        # Other changes of a constant may change a time, too.
        then = times if mutant.function is None and not first_tests else []
        return [*first_tests, *ordinary, *then, *last_resort[:LAST_RESORT_TESTS]]

    def _that_may_run_at_import(self, mutant: Mutant) -> dict[str, Covered]:
        """Return tests whose constants and parameters the changed function may have made."""
        found = [
            each
            for each in self.covered
            if not self.project.is_last_resort(each.test) and self._distance(each, mutant) < FAR
        ]
        found.sort(key=lambda each: each.seconds)
        return {each.test: each for each in _some_of_each_file(found)[:DEPENDENT_TESTS]}

    def note_killer(self, mutant: Mutant, test: str) -> None:
        for place in (mutant.path, f"{mutant.path} {mutant.name}"):
            self._killers[place][test] += 1

    def _distance(self, covered: Covered, mutant: Mutant) -> int:
        """Return 0 if its parameters name what is changed, 1 if it or its file does, else FAR."""
        # Of a method, tests mention the class.
        names = mutant.names or (mutant.name.split(".")[0],)
        if not set(names).isdisjoint(re.findall(r"\w+", covered.parameters)):
            return 0
        mentioned = self._mentioned_by.get(covered.function, frozenset())
        is_of_module = PurePath(mutant.path).stem in PurePath(covered.file).stem
        return 1 if is_of_module or not mentioned.isdisjoint(names) else FAR

    def _rank(self, covered: Covered, mutant: Mutant) -> tuple[int, float]:
        for number, place in enumerate((f"{mutant.path} {mutant.name}", mutant.path)):
            if covered.test in dict(self._killers[place].most_common(RECENT)):
                return number, covered.seconds
        distance = self._distance(covered, mutant)
        if not self.is_in_place(mutant):
            return 2 + distance, covered.seconds
        return 2, covered.seconds / (PREFERENCE if distance < FAR else 1)

    def _that_depend_on(self, names: tuple[str, ...]) -> dict[str, Covered]:
        """Return the tests that mention one of these names, or run code that does."""
        known, size = set(names), 0
        while len(known) > size:
            size = len(known)
            for each in self._statements:
                if not each.is_function and not known.isdisjoint(each.mentions):
                    known |= each.defines
        found = dict[str, Covered]()
        for each in self._statements:
            if each.is_function and not known.isdisjoint(each.mentions):
                for line in range(each.lines[0], each.lines[1] + 1):
                    found |= {one.test: one for one in self._by_line.get((each.path, line), ())}
        for file, mentioned in self._mentioned_in.items():
            if not known.isdisjoint(mentioned):
                found |= {one.test: one for one in self.covered if one.file == file}
        return found


def _some_of_each_file(tests: list[Covered]) -> list[Covered]:
    """Return the tests with the first few of each file before the next few of each."""
    numbers, turns = Counter[str](), list[int]()
    for each in tests:
        turns.append(numbers[each.file] // FEW)
        numbers[each.file] += 1
    return [tests[place] for place in sorted(range(len(tests)), key=turns.__getitem__)]


def _mentioned_by_functions(file: str, tree: ast.Module) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield each function of a file, and what it and the statements that it mentions mention."""
    statements = [each for each in _statements(file, tree) if each.defines]
    for statement in statements:
        if statement.is_function:
            known, size = set(statement.mentions), 0
            while len(known) > size:
                size = len(known)
                for each in statements:
                    if not each.is_function and not known.isdisjoint(each.defines):
                        known |= each.mentions
            yield from ((name, frozenset(known)) for name in statement.defines)


def _statements(path: str, tree: ast.Module) -> Iterator[Statement]:
    """Yield each function, and each other statement of the module and its classes."""
    for node in tree.body:
        if isinstance(node, FunctionNode):
            yield _statement(path, node, is_function=True)
        elif isinstance(node, ast.ClassDef):
            for each in node.body:
                if isinstance(each, FunctionNode):
                    yield _statement(path, each, is_function=True)
            yield _statement(path, node, is_function=False)
        elif not isinstance(node, ast.Import | ast.ImportFrom):
            yield _statement(path, node, is_function=False)


def _statement(path: str, node: ast.stmt, *, is_function: bool) -> Statement:
    defines = set[str]()
    match node:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            defines.add(name)
        case ast.Assign() | ast.AnnAssign():
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            defines.update(each.id for each in targets if isinstance(each, ast.Name))
        case _:
            pass
    mentioned = [node]
    if isinstance(node, ast.ClassDef):  # its methods are statements of their own
        mentioned = [each for each in node.body if not isinstance(each, FunctionNode)]
        bases = {each.id for each in node.bases if isinstance(each, ast.Name)}
    else:
        bases = set()
    mentions = {name for each in mentioned for name in _mentions(each)} | bases
    return Statement(
        path,
        (node.lineno, node.end_lineno or node.lineno),
        frozenset(defines),
        frozenset(mentions - defines),
        is_function,
    )


def _mentions(tree: ast.AST) -> frozenset[str]:
    names = set[str]()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name):
                names.add(name)
            case _:
                pass
    return frozenset(names)
