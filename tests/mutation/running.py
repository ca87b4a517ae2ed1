"""pytest: collects tests, and runs some of them until one fails."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import pytest
from _pytest.runner import runtestprotocol
from attrs import frozen
from hypothesis import Phase, settings

from tests.mutation.lanes import Notes, limit_time

Items = Mapping[str, pytest.Item]

# Plain asserts say as much as is needed: that one failed. Nothing is printed.
OPTIONS: Final = ("-qq", "-s", "--assert=plain", "-p", "no:cacheprovider", "-p", "no:xdist")


@frozen
class Running:
    """A plugin for pytest: does something else with the collected tests than to run them all."""

    loop: Callable[[pytest.Session], None]

    def start(self, files: Sequence[str]) -> int:
        return pytest.main([*OPTIONS, *files], plugins=[self])

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        """Draw the same examples always, and make no failing one smaller."""
        settings.register_profile(
            "mutants",
            parent=settings.get_profile(settings.get_current_profile_name()),
            derandomize=True,
            database=None,
            phases=(Phase.explicit, Phase.generate),
        )
        settings.load_profile("mutants")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if not session.testsfailed:
            self.loop(session)
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> pytest.TestReport:
        """Report without what failed, which takes longer to print than to find."""
        outcome = "passed"
        if call.excinfo is not None:
            is_skipped = isinstance(call.excinfo.value, pytest.skip.Exception)
            outcome = "skipped" if is_skipped else "failed"
        return pytest.TestReport(item.nodeid, item.location, {}, outcome, None, call.when)  # type: ignore[arg-type]


def run_tests(items: Items, tests: Sequence[tuple[str, float]], note: Notes) -> str:
    """Run tests until one fails; return the end of a verdict."""
    following = [items[test] for test, _ in tests[1:]]
    for (test, seconds), next_item in zip(tests, [*following, None], strict=True):
        note("test", test)
        limit_time(seconds)
        if not passes(items[test], next_item):
            return "killed"
    return "survived"


def passes(item: pytest.Item, next_item: pytest.Item | None = None) -> bool:
    reports = runtestprotocol(item, log=False, nextitem=next_item)
    return not any(report.failed for report in reports)
