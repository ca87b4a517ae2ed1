"""The run of the suite on one harness: find it, leave out what it cannot show, and report."""

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

from payments_kit.conformance.harness import (
    AuthenticatingHarness,
    FailingHarness,
    Harness,
    MakeHarness,
    UnreliableHarness,
    hooks,
)
from payments_kit.conformance.promises import (
    AuthenticationContract,
    FailingGatewayContract,
    PaymentGatewayContract,
    UnreliableConnectionContract,
)

_SUITE: Final = Path(__file__).with_name("suite.py")

# Opening a harness may start a server.
_OPEN_SECONDS: Final = 60.0


@frozen
class Part:
    """A part of the suite: its promises, and the harness that can show them."""

    promises: type
    harness: type

    @property
    def tests(self) -> list[str]:
        """Their names, in their order."""
        return [name for name in vars(self.promises) if name.startswith("test_")]


PARTS: Final[Mapping[str, Part]] = {
    "TestGateway": Part(PaymentGatewayContract, Harness),
    "TestUnreliableConnection": Part(UnreliableConnectionContract, UnreliableHarness),
    "TestFailingGateway": Part(FailingGatewayContract, FailingHarness),
    "TestAuthentication": Part(AuthenticationContract, AuthenticatingHarness),
}
"""By the names of their classes in suite.py."""


@frozen
class Promise:
    """A test of one part."""

    part: str
    test: str

    @property
    def words(self) -> str:
        """As a sentence."""
        return self.test.removeprefix("test_").replace("_s_", "'s ").replace("_", " ")


@frozen
class Kit:
    """A plugin of the one run that has `--gateway`."""

    reference: str
    make: MakeHarness
    lacking: Mapping[str, list[str]]
    """The hooks that a part of the suite needs and the harness does not offer."""
    kept: dict[Promise, bool] = field(factory=dict)
    """Whether a promise was kept; without those that were not tried."""

    @classmethod
    def of(cls, config: pytest.Config, reference: str) -> "Kit":
        """Find the harness, see what it offers, and have the suite collected.

        Without paths on the command line nothing else is collected; with some, they are as well.

        Raises:
            pytest.UsageError: there is no such harness, or it lacks what every harness has.
        """
        if not config.pluginmanager.hasplugin("asyncio"):
            raise pytest.UsageError("--gateway needs pytest-asyncio; payments[conformance] has it")
        # The suite's fixture has the default's scope; a folder without configuration would be warned.
        warnings.filterwarnings("ignore", 'The configuration option "asyncio_default_fixture')
        make = _find(reference, config.invocation_params.dir)
        kit = cls(reference, make, asyncio.run(_look(reference, make)))
        asked_for = config.args_source is pytest.Config.ArgsSource.ARGS
        config.args = [str(_SUITE), *(config.args if asked_for else [])]
        config.stash[KIT] = kit
        return kit

    def harness(self) -> AbstractAsyncContextManager[Harness]:
        """A harness of one test's own."""
        return _opened(self.make)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Leave out what the harness cannot show."""
        left_out = [
            each
            for each in items
            if each.path == _SUITE and self.lacking[_promise(each.nodeid).part]
        ]
        if left_out:
            config.hook.pytest_deselected(items=left_out)
            items[:] = [each for each in items if each not in left_out]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note whether a promise was kept; one that has examples is if all of them are.

        One that a hook of the harness has skipped was not shown.
        """
        promise = _promise(report.nodeid)
        if report.failed or (report.passed and report.when == "call"):
            self.kept[promise] = report.passed and self.kept.get(promise, True)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say of every promise whether it was kept, broken, or not shown and why."""
        write = terminalreporter
        write.section(f"promises of {self.reference}")
        promises = [Promise(part, test) for part in PARTS for test in PARTS[part].tests]
        shown = [each for each in promises if each in self.kept]
        for promise in shown:
            write.line(f"{'kept' if self.kept[promise] else 'BROKEN':<9}  {promise.words}")
        missing: dict[str, list[Promise]] = {}
        for promise in promises:
            if promise not in self.kept:
                missing.setdefault(self._why_not(promise), []).append(promise)
        for why, group in missing.items():
            write.line(f"not shown: {why}")
            for promise in group:
                write.line(f"           {promise.words}")
        kept = sum(self.kept[each] for each in shown)
        absent = len(promises) - len(shown)
        write.line(f"{kept} kept, {len(shown) - kept} broken, {absent} not shown")

    def _why_not(self, promise: "Promise") -> str:
        lacking = self.lacking[promise.part]
        return f"the harness offers no {', '.join(lacking)}" if lacking else "not run this time"


KIT: Final = pytest.StashKey[Kit]()


def _find(reference: str, folder: Path) -> MakeHarness:
    # As `python -m` does: an adapter need not be installed to be tried.
    sys.path.insert(0, str(folder))
    module, colon, name = reference.partition(":")
    if not (module and colon and name):
        raise pytest.UsageError(f"--gateway {reference} is not package.module:function")
    try:
        make: MakeHarness | None = getattr(importlib.import_module(module), name, None)
    except Exception as error:
        raise pytest.UsageError(f"--gateway {reference}: {_told(error)}") from error
    if not callable(make):
        raise pytest.UsageError(f"--gateway {reference}: {module} has no function {name}")
    return make


async def _look(reference: str, make: MakeHarness) -> dict[str, list[str]]:
    """What a harness lacks for each part."""
    try:
        async with asyncio.timeout(_OPEN_SECONDS), _opened(make) as harness:
            lacking = {
                name: [hook for hook in hooks(part.harness) if not _offers(harness, hook)]
                for name, part in PARTS.items()
            }
            real = not lacking["TestGateway"] and harness.gateway.livemode
    except Exception as error:
        raise pytest.UsageError(f"--gateway {reference}: {_told(error)}") from error
    if needed := lacking["TestGateway"]:
        words = hooks(Harness)
        lines = "\n".join(f"  {name} - {words[name]}" for name in needed)
        raise pytest.UsageError(f"--gateway {reference}: the harness it gives lacks\n{lines}")
    if real:
        raise pytest.UsageError(f"--gateway {reference}: this gateway moves real money (livemode)")
    return lacking


@contextlib.asynccontextmanager
async def _opened(make: MakeHarness) -> AsyncIterator[Harness]:
    made = make(os.environ)
    if isinstance(made, AbstractAsyncContextManager):
        async with made as harness:
            yield harness
    else:
        yield made


def _offers(harness: object, hook: str) -> bool:
    return getattr(harness, hook, None) is not None


def _promise(node_id: str) -> Promise:
    """What a node's name ends with."""
    *_, part, test = ("", *node_id.partition("[")[0].split("::"))
    return Promise(part, test)


def _told(error: Exception) -> str:
    """An error, and the last line of somebody's own code on the way to it."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [each for each in frames if each.filename not in (__file__, importlib.__file__)]
    places = [f" ({each.filename}:{each.lineno})" for each in own if "<frozen" not in each.filename]
    return f"{type(error).__name__}: {error}" + "".join(places[-1:])
