"""One run of the suite: find the harness, deselect tests whose hooks it lacks, and report."""

import asyncio
import contextlib
import importlib
import os
import sys
import traceback
import warnings
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final

import pytest
from attrs import field, frozen

from payments_kit.conformance.harness import Harness, MakeHarness, hooks
from payments_kit.conformance.parts import PARTS

_SUITE: Final = Path(__file__).with_name("suite.py")

# Opening a harness may start a server.
_OPEN_SECONDS: Final = 60.0


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
class ConformanceRun:
    """The pytest plugin of a run with `--gateway`."""

    reference: str
    make: MakeHarness
    missing: Mapping[str, list[str]]
    """The hooks that each part of the suite needs and the harness lacks; a part is absent if the
    adapter does not have what it is about."""
    results: dict[Promise, bool] = field(factory=dict)
    """Whether each promise was kept; promises that were not checked are absent."""

    @classmethod
    def of(cls, config: pytest.Config, reference: str) -> "ConformanceRun":
        """Find the harness, and let pytest collect the suite.

        Other tests are collected only from paths on the command line.

        Raises:
            pytest.UsageError: there is no such harness, or it lacks a required hook.
        """
        if not config.pluginmanager.hasplugin("asyncio"):
            raise pytest.UsageError("--gateway needs pytest-asyncio; install payments[conformance]")
        # The suite's fixture has the default scope; without a configuration file pytest warns.
        warnings.filterwarnings("ignore", 'The configuration option "asyncio_default_fixture')
        make = _find(reference, config.invocation_params.dir)
        run = cls(reference, make, asyncio.run(_missing_hooks(reference, make)))
        has_paths = config.args_source is pytest.Config.ArgsSource.ARGS
        config.args = [str(_SUITE), *(config.args if has_paths else [])]
        config.stash[RUN] = run
        return run

    def harness(self) -> AbstractAsyncContextManager[Harness]:
        """Open a harness for one test."""
        return _opened(self.make)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Deselect the tests that need missing hooks."""
        deselected = [
            each
            for each in items
            if each.path == _SUITE and self.missing.get(_promise(each.nodeid).part, ["all"])
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
        promises = [Promise(part, test) for part in self.missing for test in PARTS[part].tests]
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


RUN: Final = pytest.StashKey[ConformanceRun]()


def _find(reference: str, folder: Path) -> MakeHarness:
    # As with `python -m`, an adapter does not have to be installed.
    sys.path.insert(0, str(folder))
    module, colon, name = reference.partition(":")
    if not (module and colon and name):
        raise pytest.UsageError(f"--gateway {reference} is not package.module:function")
    try:
        make: MakeHarness | None = getattr(importlib.import_module(module), name, None)
    except Exception as error:
        raise pytest.UsageError(f"--gateway {reference}: {_described(error)}") from error
    if not callable(make):
        raise pytest.UsageError(f"--gateway {reference}: {module} has no function {name}")
    return make


async def _missing_hooks(reference: str, make: MakeHarness) -> dict[str, list[str]]:
    """Open a harness, and return the hooks that it lacks for each part."""
    try:
        async with asyncio.timeout(_OPEN_SECONDS), _opened(make) as harness:
            missing = {
                name: [hook for hook in hooks(part.harness) if not _has(harness, hook)]
                + part.lacks(getattr(harness, "gateway", None))
                for name, part in PARTS.items()
                if part.is_about(getattr(harness, "gateway", None))
            }
            is_live = not missing["TestGateway"] and harness.gateway.livemode
    except Exception as error:
        raise pytest.UsageError(f"--gateway {reference}: {_described(error)}") from error
    if required := missing["TestGateway"]:
        descriptions = hooks(Harness)
        lines = "\n".join(f"  {name} - {descriptions[name]}" for name in required)
        raise pytest.UsageError(f"--gateway {reference}: the harness has no\n{lines}")
    if is_live:
        raise pytest.UsageError(f"--gateway {reference}: this gateway moves real money (livemode)")
    return missing


@contextlib.asynccontextmanager
async def _opened(make: MakeHarness) -> AsyncIterator[Harness]:
    made = make(os.environ)
    if isinstance(made, AbstractAsyncContextManager):
        async with made as harness:
            yield harness
    else:
        yield made


def _has(harness: object, hook: str) -> bool:
    return getattr(harness, hook, None) is not None


def _promise(node_id: str) -> Promise:
    """Return the promise of a test from its node id, which ends with class and name."""
    *_, part, test = ("", *node_id.partition("[")[0].split("::"))
    return Promise(part, test)


def _described(error: Exception) -> str:
    """Return an error's text, and the last line of the adapter author's code that led to it."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [each for each in frames if each.filename not in (__file__, importlib.__file__)]
    places = [f" ({each.filename}:{each.lineno})" for each in own if "<frozen" not in each.filename]
    return f"{type(error).__name__}: {error}" + "".join(places[-1:])
