"""Which lines each test runs."""

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping
from difflib import SequenceMatcher
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

from attrs import define, field, frozen

from tests.mutation.project import Project

# After so many calls of a function that run no new line of it, a test is not traced there any more.
# Fewer hide the lines that a large table of cases reaches late: with 30, a fifth of the survivors
# of domain/ were no survivors.
PATIENCE: Final = 300


@frozen
class Covered:
    """A test: how long it takes, in CPU seconds while it is traced, and the lines that it runs."""

    test: str
    seconds: float
    lines: dict[str, list[int]]

    @property
    def file(self) -> str:
        return self.test.split("::", 1)[0]

    @property
    def function(self) -> str:
        """The test without its parameters."""
        return self.test.split("[", 1)[0]

    @property
    def parameters(self) -> str:
        """The parameters in the name of the test."""
        return self.test[len(self.function) :]

    def runs(self, path: str, first: int, last: int) -> bool:
        return any(first <= line <= last for line in self.lines.get(path, ()))


@define
class Tracer:
    """Notes the lines of the project's functions that are run; for other parts, which functions."""

    project: Project
    lines: defaultdict[str, set[int]] = field(factory=lambda: defaultdict(set))
    _paths: dict[CodeType, str | None] = field(factory=dict)
    _idle: Counter[CodeType] = field(factory=Counter)

    def start(self) -> None:
        self.lines = defaultdict(set)
        self._idle.clear()
        sys.settrace(self._call)

    def stop(self) -> dict[str, list[int]]:
        sys.settrace(None)
        return {path: sorted(lines) for path, lines in self.lines.items()}

    def _call(self, frame: FrameType, _event: str, _argument: object) -> Any:
        code = frame.f_code
        try:
            path = self._paths[code]
        except KeyError:
            path = self._paths[code] = self._path_of(code)
        if path is None:
            return None
        if not self.project.is_mutated(path):
            self.lines[path].add(code.co_firstlineno)
            return None
        if self._idle[code] > PATIENCE:
            return None
        self._idle[code] += 1
        return self._line_of(path, code)

    def _line_of(self, path: str, code: CodeType) -> Any:
        lines = self.lines[path]

        def trace(frame: FrameType, event: str, _argument: object) -> Any:
            if event == "line" and frame.f_lineno not in lines:
                lines.add(frame.f_lineno)
                self._idle[code] = 0
            return trace

        return trace

    def _path_of(self, code: CodeType) -> str | None:
        """Return the path of the project's function; None for others, modules and classes."""
        try:
            path = str(Path(code.co_filename).relative_to(self.project.root))
        except ValueError:
            return None
        is_function = code.co_flags & 0x02  # CO_NEWLOCALS, which class bodies do not have
        return path if is_function and self.project.is_ours(path) else None


@define
class Coverage:
    """The lines that all tests run, kept in a file while the tests stay the same.

    Where a module has changed, its lines are found again, and a new line is taken for one of those
    that it replaces or stands beside. A test may run other parts of it now: that is measured anew
    only when the test changes, or everything is.
    """

    project: Project
    tests: dict[str, list[Covered]] = field(factory=dict)
    """By the path of the test's file."""
    _digests: dict[str, str] = field(factory=dict)

    @property
    def _file(self) -> Path:
        return self.project.cache / "coverage.json"

    def load(self) -> None:
        """Read what is still true of what was stored."""
        try:
            stored = json.loads(self._file.read_text())
            texts, files = stored["texts"], stored["tests"]
        except (OSError, ValueError, KeyError):
            return
        now = self._texts()
        moved = {
            path: moved_lines(text, now.get(path, ""))
            for path, text in texts.items()
            if text != now.get(path)
        }
        for file, (digest, tests) in files.items():
            if (self.project.root / file).exists() and digest == self.project.digest_behind(file):
                self._digests[file] = digest
                self.tests[file] = [_moved(Covered(*each), moved) for each in tests]

    def is_known(self, file: str) -> bool:
        return file in self._digests

    def add(self, file: str, tests: list[Covered]) -> None:
        self.tests[file] = tests
        self._digests[file] = self.project.digest_behind(file)

    def save(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        tests = {
            file: (digest, [(each.test, each.seconds, each.lines) for each in self.tests[file]])
            for file, digest in self._digests.items()
        }
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps({"texts": self._texts(), "tests": tests}))
        new.replace(self._file)

    def all(self) -> list[Covered]:
        return [each for tests in self.tests.values() for each in tests]

    def _texts(self) -> dict[str, str]:
        root = self.project.root
        return {path: (root / path).read_text("utf-8") for path in self.project.sources()}


def moved_lines(before: str, after: str) -> dict[int, list[int]]:
    """Return where each line is now: a changed one where it was, a new one beside its neighbours.

    Of both neighbours, because the one before may be a text that nobody runs.
    """
    lines = defaultdict[int, list[int]](list)
    matcher = SequenceMatcher(None, before.splitlines(), after.splitlines(), autojunk=False)
    for kind, first, last, new_first, new_last in matcher.get_opcodes():
        if kind == "equal":
            for offset in range(last - first):
                lines[first + offset + 1].append(new_first + offset + 1)
        else:
            for line in range(first, last) if first < last else (first - 1, first):
                lines[line + 1] += range(new_first + 1, new_last + 1)
    return lines


def _moved(covered: Covered, moved: Mapping[str, Mapping[int, list[int]]]) -> Covered:
    lines = {
        path: sorted({new for each in old for new in moved[path].get(each, ())})
        if path in moved
        else old
        for path, old in covered.lines.items()
    }
    return Covered(covered.test, covered.seconds, lines)
