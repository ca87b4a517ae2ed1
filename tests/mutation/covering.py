"""Which lines each test runs."""

import json
import sys
from collections import Counter, defaultdict
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

from attrs import define, field, frozen

from tests.mutation.project import Project

# After so many calls of a function that run no new line of it, a test is not traced there any more.
PATIENCE: Final = 30


@frozen
class Covered:
    """A test: how long it takes, in CPU seconds while it is traced, and the lines that it runs."""

    test: str
    seconds: float
    lines: dict[str, list[int]]

    @property
    def file(self) -> str:
        return self.test.split("::", 1)[0]

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
    """The lines that all tests run, kept in a file as long as nothing has changed."""

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
        except (OSError, ValueError):
            return
        for file, (digest, tests) in stored.items():
            if (self.project.root / file).exists() and digest == self.project.digest_behind(file):
                self._digests[file] = digest
                self.tests[file] = [Covered(*each) for each in tests]

    def is_known(self, file: str) -> bool:
        return file in self._digests

    def add(self, file: str, tests: list[Covered]) -> None:
        self.tests[file] = tests
        self._digests[file] = self.project.digest_behind(file)

    def save(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        stored = {
            file: (digest, [(each.test, each.seconds, each.lines) for each in self.tests[file]])
            for file, digest in self._digests.items()
        }
        self._file.write_text(json.dumps(stored))

    def all(self) -> list[Covered]:
        return [each for tests in self.tests.values() for each in tests]
