"""Measure which lines each test runs, where it is not known yet."""

import json
import os
import time
from collections.abc import Callable, Sequence
from itertools import groupby

from tests.mutation.covering import Coverage, Covered, Tracer
from tests.mutation.project import Project
from tests.mutation.running import Items, passes


def measured(
    project: Project, tracer: Tracer, items: Items, say: Callable[[str], None]
) -> list[Covered]:
    """Return what each of the tests covers; one that fails without a mutant is left out."""
    coverage = Coverage(project)
    coverage.load()
    files = {file: [*tests] for file, tests in groupby(items, lambda each: each.split("::")[0])}
    unknown = {file: tests for file, tests in files.items() if not coverage.is_known(file)}
    if unknown:
        say(f"Which lines the tests of {len(unknown)} files run …")
    for file, tests in unknown.items():
        covered, failed = _in_fork(tracer, items, tests)
        coverage.add(file, covered)
        for each in failed:
            say(f"Not used, because it fails without a mutant: {each}")
    if unknown:
        coverage.save()
    return [each for each in coverage.all() if each.test in items]


def _in_fork(tracer: Tracer, items: Items, tests: Sequence[str]) -> tuple[list[Covered], list[str]]:
    """Run the tests of a file in a fork, as they are run later.

    Raises:
        RuntimeError: they have ended the fork.
    """
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reader)
            os.dup2(os.open(os.devnull, os.O_RDWR), 1)
            with os.fdopen(writer, "w") as out:
                json.dump(_measure(tracer, items, tests), out)
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as told:
        text = told.read()
    os.waitpid(pid, 0)
    if not text:
        raise RuntimeError(f"the tests of {tests[0].split('::')[0]} ended their process")
    covered, failed = json.loads(text)
    return [Covered(*each) for each in covered], failed


def _measure(tracer: Tracer, items: Items, tests: Sequence[str]) -> tuple[list[object], list[str]]:
    covered, failed = list[object](), list[str]()
    for test in tests:
        began = time.process_time()
        tracer.start()
        passed = passes(items[test])
        lines = tracer.stop()
        if passed:
            covered.append((test, round(time.process_time() - began, 4), lines))
        else:
            failed.append(test)
    return covered, failed
