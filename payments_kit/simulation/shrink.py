"""Shrink: make a failing run smaller by removing everything that the failure does not need."""

from collections.abc import Callable, Iterator
from typing import Final

from attrs import evolve

from payments_kit.simulation.scenario import Scenario
from payments_kit.simulation.world import RunResult, World

MAX_RUNS: Final = 400
"""These take a few seconds, more than most failures need."""


def shrink(
    failing: RunResult, max_runs: int = MAX_RUNS, is_over: Callable[[], bool] = lambda: False
) -> RunResult:
    """Return the smallest run found that breaks the same promise; it is deterministic.

    It ends earlier when `is_over` says so.
    """
    runs = 0

    def still_fails(scenario: Scenario) -> RunResult | None:
        nonlocal runs
        runs += 1
        result = World(scenario).run()
        return result if _promises(result) & _promises(failing) else None

    def may_continue() -> bool:
        return runs < max_runs and not is_over()

    best, is_smaller = failing, True
    while is_smaller and may_continue():
        is_smaller = False
        for step in (_fewer_changes, _smaller_world, _fewer_kinds, _fewer_occurrences):
            found = _first_that_fails(step(best), still_fails, may_continue)
            while found is not None:
                best, is_smaller = found, True
                found = _first_that_fails(step(best), still_fails, may_continue)
    return best


def _first_that_fails(
    scenarios: Iterator[Scenario],
    still_fails: Callable[[Scenario], RunResult | None],
    may_continue: Callable[[], bool],
) -> RunResult | None:
    for scenario in scenarios:
        if not may_continue():
            return None
        if (result := still_fails(scenario)) is not None:
            return result
    return None


def _promises(result: RunResult) -> set[str]:
    return {violation.partition(":")[0] for violation in result.broken}


def _fewer_changes(result: RunResult) -> Iterator[Scenario]:
    """Yield scenarios with less of what was changed in the scenario of the seed."""
    scenario = result.scenario
    for place in scenario.placed:
        placed = tuple(each for each in scenario.placed if each is not place)
        yield evolve(scenario, placed=placed)
    for branch in scenario.branches:
        branches = tuple(each for each in scenario.branches if each is not branch)
        yield evolve(scenario, branches=branches)


def _smaller_world(result: RunResult) -> Iterator[Scenario]:
    """Yield scenarios with less of one thing."""
    scenario = result.scenario
    for name in result.names:
        yield evolve(scenario, absent=scenario.absent | {name})
    if scenario.serves > 1:
        yield evolve(scenario, serves=scenario.serves - 1)
    if scenario.workers > 1:
        yield evolve(scenario, workers=scenario.workers - 1)
    if scenario.refunds:
        yield evolve(scenario, refunds=0.0)
    if scenario.cancels:
        yield evolve(scenario, cancels=0.0)
    for workload in sorted(scenario.workloads, key=lambda each: each.name):
        yield evolve(scenario, workloads=scenario.workloads - {workload})
    if scenario.latency:
        yield evolve(scenario, latency=0.0)


def _fewer_kinds(result: RunResult) -> Iterator[Scenario]:
    """Yield scenarios without one kind of fault; those that did not occur come first."""
    scenario = result.scenario
    for kind in sorted(scenario.rates, key=lambda each: (result.happened[each], each.name)):
        rates = {each: rate for each, rate in scenario.rates.items() if each is not kind}
        yield evolve(scenario, rates=rates)


def _fewer_occurrences(result: RunResult) -> Iterator[Scenario]:
    """Yield scenarios in which a half, a quarter, … of the occurrences is suppressed."""
    scenario, occurrences = result.scenario, result.occurrences
    size = len(occurrences)
    while size:
        for start in range(0, len(occurrences), size):
            more = frozenset(occurrences[start : start + size])
            yield evolve(scenario, suppressed=scenario.suppressed | more)
        size //= 2
