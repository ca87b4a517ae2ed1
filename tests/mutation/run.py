"""A run: what is covered by which test, then each mutant."""

import gc
import importlib
import json
import os
import sys
import threading
from ast import parse
from collections.abc import Callable, Sequence
from typing import Final, TextIO

import pytest
from attrs import define, field, frozen

from tests.mutation.anew import module_name, trial_anew
from tests.mutation.choosing import Choice
from tests.mutation.covering import Covered, Tracer
from tests.mutation.equivalent import read_equivalents
from tests.mutation.in_place import trial_in_place
from tests.mutation.lanes import Lane, Task, Try, Verdict
from tests.mutation.measuring import measured
from tests.mutation.mutants import Mutant, methods_that_return_self, mutants_of
from tests.mutation.project import Project, digest_of
from tests.mutation.report import Report
from tests.mutation.results import Results
from tests.mutation.running import Items, Running
from tests.mutation.source import Source

# A mutant that takes so much longer than the code does not end; a fork needs a moment, too.
TIMES_AS_LONG: Final = 5
SECONDS_MORE: Final = 3.0

# The most promising tests, which take half a second.
QUICK_TESTS: Final = 100

# The results so far are stored again after so many mutants.
STORE_AFTER: Final = 100


@frozen
class Request:
    """What a run should do."""

    paths: tuple[str, ...] = ()
    """Modules, `module:line` or folders; everything without one."""
    jobs: int = 1
    sample: int | None = None
    seed: int = 1
    again: bool = False
    quick: bool = False
    """Try only QUICK_TESTS, and keep no verdict of a survivor."""
    verbose: bool = False
    progress: TextIO = field(factory=lambda: sys.stderr)


class UnknownPath(Exception):
    """A path of the request is nothing that can be changed."""


@define
class Run:
    """A run, from the tests' collection to the report."""

    project: Project
    request: Request
    report: Report = field(init=False)
    error: BaseException | None = None
    _anew: list[Lane] = field(factory=list)
    _in_place: list[Lane] = field(factory=list)
    _tracer: Tracer = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.report = Report(read_equivalents(self.project.equivalents))
        self._tracer = Tracer(self.project)

    def __call__(self) -> Report:
        """Try all mutants.

        Raises:
            UnknownPath: a path of the request is nothing that can be changed.
            RuntimeError: the tests could not be collected, or fail without a mutant.
        """
        self._check_paths()
        os.environ.pop("END_WITH_PROCESS", None)
        # As many examples as in `make test`.
        os.environ["HYPOTHESIS_PROFILE"] = "ci"
        os.chdir(self.project.root)
        sys.path.insert(0, str(self.project.root))
        self._say("Collecting the tests …")
        # They must not have imported the project, and so begin before its tests are collected.
        self._anew = [Lane.start(self._prepare_anew) for _ in range(self.request.jobs)]
        self._tracer.start()
        Running(self._loop).start(self.project.suites)
        for lane in (*self._anew, *self._in_place):
            lane.stop()
        if self.error is not None:
            raise self.error
        return self.report

    def _check_paths(self) -> None:
        """Say at once that a path is wrong: the tests are collected and measured for a minute."""
        known = self.project.sources()
        for path in self.request.paths:
            module, _, line = path.partition(":")
            if not any(_is_in(each, module) for each in known):
                folders = " and ".join(f"{each}/" for each in self.project.packages)
                raise UnknownPath(f"there is no module or folder {module} in {folders}")
            if not line:
                continue
            if module not in known:
                raise UnknownPath(f"{module} is a folder, which has no line {line}")
            lines = (self.project.root / module).read_bytes().count(b"\n")
            if not (line.isdecimal() and 1 <= int(line) <= lines):
                raise UnknownPath(f"{module} has no line {line}: its last one is {lines}")

    def _prepare_anew(self) -> Try:
        libraries = json.loads((self.project.cache / "libraries.json").read_text())
        return trial_anew(self.project.root, libraries, self.project.import_seconds)

    def _loop(self, session: pytest.Session) -> None:
        at_import = {path: set(lines) for path, lines in self._tracer.stop().items()}
        try:
            items = {
                each.nodeid: each for each in session.items if self.project.is_chosen(each.nodeid)
            }
            self._store_libraries()
            mutants, complete = self._mutants()
            if not mutants:
                return
            self._start_in_place(items)
            coverage = measured(self.project, self._tracer, items, self._say)
            choice = Choice(self.project, coverage, at_import)
            self._try_all(mutants, choice)
            self.report.check_listed(mutants, complete)
        except BaseException as error:
            self.error = error

    def _store_libraries(self) -> None:
        ours = {*self.project.packages, *self.project.helpers, "tests", "conftest", "__main__"}
        names = [name for name in sys.modules if name.split(".", 1)[0] not in ours]
        self.project.cache.mkdir(parents=True, exist_ok=True)
        (self.project.cache / "libraries.json").write_text(json.dumps(names))

    def _mutants(self) -> tuple[list[Mutant], set[str]]:
        """Return the mutants to try, and the modules of which they are all."""
        root, paths = self.project.root, self.project.sources()
        methods = methods_that_return_self(parse((root / path).read_bytes()) for path in paths)
        found, complete = list[Mutant](), set[str]()
        for path in paths:
            if self._is_wanted(path):
                source = Source.read(root, path, importlib.import_module(module_name(path)))
                found += mutants_of(source, methods)
                complete.add(path)
        lines = {each for each in self.request.paths if ":" in each}
        if lines:
            found = [
                m for m in found if m.path in self.request.paths or f"{m.path}:{m.line}" in lines
            ]
            complete = set()
        if self.request.sample is not None and self.request.sample < len(found):
            # The same ones although others have come or gone.
            seed = str(self.request.seed).encode()
            found.sort(key=lambda each: digest_of((seed, each.id.encode())))
            found = found[: self.request.sample]
            complete = set()
        return found, complete

    def _is_wanted(self, path: str) -> bool:
        wanted = [each.partition(":")[0] for each in self.request.paths]
        return not wanted or any(_is_in(path, each) for each in wanted)

    def _start_in_place(self, items: Items) -> None:
        gc.collect()
        prepare = lambda: trial_in_place(self.project.root, items)  # noqa: E731
        self._in_place = [Lane.start(prepare) for _ in range(self.request.jobs)]

    def _try_all(self, mutants: Sequence[Mutant], choice: Choice) -> None:
        results = Results(self.project)
        results.load()
        left = list[Mutant]()
        for mutant in mutants:
            verdict = None if self.request.again else results.get(mutant)
            if verdict is None:
                left.append(mutant)
            else:
                self.report.add(mutant, verdict)
                if verdict.end == "killed":
                    choice.note_killer(mutant, verdict.test)
        # The quick ones first: more is known sooner. What no test should find takes longest.
        listed = self.report.equivalents
        left.sort(key=lambda each: (each.key in listed, not choice.is_in_place(each)))
        queue, lock, done = iter(left), threading.Lock(), 0
        errors = list[BaseException]()

        def work(in_place: Lane, anew: Lane) -> None:
            nonlocal done
            try:
                while not errors:
                    with lock:
                        mutant = next(queue, None)
                        if mutant is None:
                            return
                        tests = choice.tests_for(mutant)
                        if self.request.quick:
                            tests = tests[:QUICK_TESTS]
                        is_in_place = choice.is_in_place(mutant)
                    verdict = self._try(mutant, tests, in_place if is_in_place else None, anew)
                    with lock:
                        done += 1
                        if verdict.end != "survived":
                            choice.note_killer(mutant, verdict.test)
                        if verdict.end != "survived" or not self.request.quick:
                            results.put(mutant, verdict)
                        self._note(mutant, verdict, done, len(left))
                        if done % STORE_AFTER == 0:
                            results.save()
                            self._say(self._state(done, len(left)))
            except BaseException as error:
                errors.append(error)

        threads = [
            threading.Thread(target=work, args=lanes, daemon=True)
            for lanes in zip(self._in_place, self._anew, strict=True)
        ]
        for each in threads:
            each.start()
        try:
            for each in threads:
                each.join()
        finally:
            with lock:
                results.save()
        if errors:
            raise errors[0]

    def _try(
        self, mutant: Mutant, tests: Sequence[Covered], in_place: Lane | None, anew: Lane
    ) -> Verdict:
        if not tests:
            return Verdict("survived")
        limits = tuple((t.test, SECONDS_MORE + TIMES_AS_LONG * t.seconds) for t in tests)
        text = mutant.apply((self.project.root / mutant.path).read_bytes())
        task = Task(mutant.path, text, mutant.function, limits)
        verdict = in_place.run(task) if in_place is not None else Verdict("unsuitable")
        return anew.run(task) if verdict.end == "unsuitable" else verdict

    def _note(self, mutant: Mutant, verdict: Verdict, done: int, of: int) -> None:
        self.report.add(mutant, verdict)
        if self.request.verbose:
            self._say(f"{mutant.path}:{mutant.line} {mutant.kind}: {verdict.end} {verdict.test}")
        self._progress(self._state(done, of))

    def _state(self, done: int, of: int) -> str:
        return f"{done} of {of} mutants, {len(self.report.survivors)} survive"

    def _progress(self, text: str) -> None:
        if self.request.progress.isatty():
            self.request.progress.write(f"\r\x1b[K{text}")
            self.request.progress.flush()

    def _say(self, text: str) -> None:
        self._progress("")
        print(text, file=self.request.progress, flush=True)


def _is_in(path: str, wanted: str) -> bool:
    """Whether a module is the wanted one, or in the wanted folder."""
    wanted = wanted.rstrip("/")
    return path == wanted or path.startswith(f"{wanted}/")


Trial = Callable[[], Try]
