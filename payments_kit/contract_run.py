"""One run of a contract suite in pytest, on an adapter that the command line names.

It finds the function that makes the harness, deselects tests whose hooks the harness lacks, and
reports each promise as kept, broken, or not checked.
"""

import contextlib
import importlib
import os
import sys
import traceback
import warnings
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import field, frozen

Make = Callable[[Mapping[str, str]], Any]
"""The function that the option names: it receives the environment, once for every test, and returns
a harness, or an asynchronous context manager of one."""

OPEN_SECONDS: Final = 60.0
"""How long a harness may take to open: it may start a server."""


@frozen
class Promise:
    """A test of one part."""

    part: str
    test: str

    @property
    def text(self) -> str:
        """The test's name as a sentence."""
        return self.test.removeprefix("test_").replace("_s_", "'s ").replace("_", " ")


@frozen
class ContractRun:
    """The pytest plugin of a run."""

    reference: str
    make: Make
    suite: Path
    tests: Mapping[str, Sequence[str]]
    """The names of the tests of each part, in order."""
    missing: Mapping[str, Sequence[str]]
    """The hooks that each part needs and the harness lacks; a part is absent if it does not apply
    to the adapter."""
    results: dict[Promise, bool] = field(factory=dict)
    """Whether each promise was kept; promises that were not checked are absent."""

    def start(self, config: pytest.Config) -> None:
        """Let pytest collect the suite; other tests only from paths on the command line.

        Raises:
            pytest.UsageError: there is another such run already.
        """
        if RUN in config.stash:
            raise pytest.UsageError("one contract suite at a time: --gateway, or --orders")
        # The suite's fixture has the default scope; without a configuration file pytest warns.
        warnings.filterwarnings("ignore", 'The configuration option "asyncio_default_fixture')
        has_paths = config.args_source is pytest.Config.ArgsSource.ARGS
        config.args = [str(self.suite), *(config.args if has_paths else [])]
        config.stash[RUN] = self
        config.pluginmanager.register(self)

    def harness(self) -> AbstractAsyncContextManager[Any]:
        """Open a harness for one test."""
        return opened(self.make)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Deselect the tests that need missing hooks."""
        deselected = [
            each
            for each in items
            if each.path == self.suite and self.missing.get(_promise(each.nodeid).part, ["all"])
        ]
        if deselected:
            config.hook.pytest_deselected(items=deselected)
            items[:] = [each for each in items if each not in deselected]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record whether a promise was kept: all examples of its test must pass.

        A test that a hook of the harness skips is not recorded.
        """
        promise = _promise(report.nodeid)
        if report.failed or (report.passed and report.when == "call"):
            self.results[promise] = report.passed and self.results.get(promise, True)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Report every promise as kept, broken, or not checked with the reason."""
        write = terminalreporter
        write.section(f"promises of {self.reference}")
        promises = [Promise(part, test) for part in self.missing for test in self.tests[part]]
        checked = [each for each in promises if each in self.results]
        for promise in checked:
            write.line(f"{'kept' if self.results[promise] else 'BROKEN':<9}  {promise.text}")
        unchecked: dict[str, list[Promise]] = {}
        for promise in promises:
            if promise not in self.results:
                unchecked.setdefault(self._reason(promise), []).append(promise)
        for reason, group in unchecked.items():
            write.line(f"not checked: {reason}")
            for promise in group:
                write.line(f"           {promise.text}")
        kept = sum(self.results[each] for each in checked)
        write.line(
            f"{kept} kept, {len(checked) - kept} broken, {len(promises) - len(checked)} not checked"
        )

    def _reason(self, promise: Promise) -> str:
        missing = self.missing[promise.part]
        return f"the harness has no {', '.join(missing)}" if missing else "not selected"


RUN: Final = pytest.StashKey[ContractRun]()


def find(option: str, reference: str, config: pytest.Config) -> Make:
    """Return the function that an option names; it does not have to be installed.

    Raises:
        pytest.UsageError: there is none, or pytest-asyncio is missing.
    """
    if not config.pluginmanager.hasplugin("asyncio"):
        raise pytest.UsageError(f"{option} needs pytest-asyncio; install payments[conformance]")
    # As with `python -m`.
    sys.path.insert(0, str(config.invocation_params.dir))
    module, colon, name = reference.partition(":")
    if not (module and colon and name):
        raise pytest.UsageError(f"{option} {reference} is not package.module:function")
    try:
        make: Make | None = getattr(importlib.import_module(module), name, None)
    except Exception as error:
        raise pytest.UsageError(f"{option} {reference}: {described(error)}") from error
    if not callable(make):
        raise pytest.UsageError(f"{option} {reference}: {module} has no function {name}")
    return make


@contextlib.asynccontextmanager
async def opened(make: Make) -> AsyncIterator[Any]:
    """Open a harness."""
    made = make(os.environ)
    if isinstance(made, AbstractAsyncContextManager):
        async with made as harness:
            yield harness
    else:
        yield made


def hooks(harness: type) -> dict[str, str]:
    """Return the hooks of a harness class, with their docstrings."""
    return {
        name: str(member.__doc__)
        for each in reversed(harness.__mro__)
        for name, member in vars(each).items()
        if not name.startswith("_")
    }


def missing_hooks(harness: object, kind: type) -> list[str]:
    """Return the hooks of a harness class that a harness lacks."""
    return [hook for hook in hooks(kind) if getattr(harness, hook, None) is None]


def require(option: str, reference: str, missing: Sequence[str], kind: type) -> None:
    """Check that no required hook is missing.

    Raises:
        pytest.UsageError: one is; the message describes each.
    """
    if missing:
        lines = "\n".join(f"  {name} - {hooks(kind)[name]}" for name in missing)
        raise pytest.UsageError(f"{option} {reference}: the harness has no\n{lines}")


def tests_of(contract: type) -> list[str]:
    """Return the names of a contract's tests, in order."""
    return [name for name in vars(contract) if name.startswith("test_")]


def described(error: Exception) -> str:
    """Return an error's text, and the last line of the adapter author's code that led to it."""
    ours = (str(Path(__file__).parent), importlib.__file__)
    frames = traceback.extract_tb(error.__traceback__)
    own = [each for each in frames if not each.filename.startswith(ours)]
    places = [f" ({each.filename}:{each.lineno})" for each in own if "<frozen" not in each.filename]
    return f"{type(error).__name__}: {error}" + "".join(places[-1:])


def _promise(node_id: str) -> Promise:
    """Return the promise of a test from its node id, which ends with class and name."""
    *_, part, test = ("", *node_id.partition("[")[0].split("::"))
    return Promise(part, test)
