"""Mutants outside of functions: a process that has imported only libraries imports the project."""

import gc
import importlib
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

import pytest

from tests.mutation.lanes import Notes, Task, Try, limit_time
from tests.mutation.running import Items, Running, run_tests

# The tests of so many files are collected first, before those of all others.
FIRST_FILES = 2


class MutatedLoader(SourceFileLoader):
    """Loads a module from another text than its file has."""

    mutated: bytes = b""

    def get_code(self, fullname: str) -> CodeType | None:
        return compile(self.mutated, self.get_filename(fullname), "exec", dont_inherit=True)


class MutatedFinder(MetaPathFinder):
    """Finds one module."""

    def __init__(self, root: Path, path: str, text: bytes) -> None:
        self.name = module_name(path)
        self.loader = MutatedLoader(self.name, str(root / path))
        self.loader.mutated = text

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self.name:
            return None
        is_package = self.loader.path.endswith("__init__.py")
        locations = [str(Path(self.loader.path).parent)] if is_package else None
        return importlib.util.spec_from_file_location(
            fullname, self.loader.path, loader=self.loader, submodule_search_locations=locations
        )


def module_name(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def trial_anew(root: Path, libraries: Sequence[str], import_seconds: float) -> Try:
    """Return what imports the project with the mutated module, and then runs tests."""
    for name in libraries:
        with suppress(Exception):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()

    def run(task: Task, note: Notes) -> str:
        if task.text is not None:
            sys.meta_path.insert(0, MutatedFinder(root, task.path, task.text))
        files = list(dict.fromkeys(test.split("::", 1)[0] for test, _ in task.tests))
        for part in (files[:FIRST_FILES], files[FIRST_FILES:]):
            limit_time(import_seconds)
            if part and _run(part, task, note) != "survived":
                return "killed"
        return "survived"

    return run


def _run(files: Sequence[str], task: Task, note: Notes) -> str:
    ends = ["killed"]  # if pytest cannot collect them

    def loop(session: pytest.Session) -> None:
        items = {item.nodeid: item for item in session.items}
        tests = [each for each in task.tests if each[0].split("::", 1)[0] in files]
        ends[0] = run_tests(items, list(_existing(items, tests)), note)

    Running(loop).start(files)
    return ends[0]


def _existing(items: Items, tests: Sequence[tuple[str, float]]) -> Iterator[tuple[str, float]]:
    """Yield the tests; if one has other parameters now, all of the same function."""
    known, seen = {test for test, _ in tests}, set[str]()
    for test, seconds in tests:
        function = test.split("[", 1)[0]
        if test in items:
            yield test, seconds
        elif function not in seen:
            seen.add(function)
            others = (each for each in items if each.split("[", 1)[0] == function)
            yield from ((each, seconds) for each in others if each not in known)
