"""Make a failing run smaller: take away what it fails without."""

from collections.abc import Callable, Iterator
from typing import Final

from attrs import evolve

from payments_kit.simulation.faults import FaultOccurrence
from payments_kit.simulation.scenario import Scenario
from payments_kit.simulation.world import Result, World

MAX_RUNS: Final = 400
"""A few seconds' worth; the result is small long before."""


def shrink(failing: Result, most_runs: int = MAX_RUNS) -> Result:
    """The smallest run found that breaks the same promise; the same one for the same run."""
    runs = 0

    def still_fails(scenario: Scenario) -> Result | None:
        nonlocal runs
        runs += 1
        result = World(scenario).run()
        return result if _promises(result) & _promises(failing) else None

    best, is_smaller = failing, True
    while is_smaller and runs < most_runs:
        is_smaller = False
        for step in (_smaller_world, _fewer_mishaps, _fewer_strikes):
            found = _first_that_fails(step(best), still_fails, lambda: runs < most_runs)
            while found is not None:
                best, is_smaller = found, True
                found = _first_that_fails(step(best), still_fails, lambda: runs < most_runs)
    return best


def _first_that_fails(
    scenarios: Iterator[Scenario],
    still_fails: Callable[[Scenario], Result | None],
    goes_on: Callable[[], bool],
) -> Result | None:
    for scenario in scenarios:
        if not goes_on():
            return None
        if (result := still_fails(scenario)) is not None:
            return result
    return None


def _promises(result: Result) -> set[str]:
    return {what.partition(":")[0] for what in result.broken}


def _fewer_mishaps(result: Result) -> Iterator[Scenario]:
    """Without one kind of mishap; those that never happened first."""
    scenario = result.scenario
    for kind in sorted(scenario.rates, key=lambda each: (result.happened[each], each.name)):
        rates = {each: rate for each, rate in scenario.rates.items() if each is not kind}
        yield evolve(scenario, rates=rates)


def _smaller_world(result: Result) -> Iterator[Scenario]:
    """With less of one thing."""
    scenario = result.scenario
    for name in result.people:
        yield evolve(scenario, absent=scenario.absent | {name})
    if scenario.serves > 1:
        yield evolve(scenario, serves=scenario.serves - 1)
    if scenario.workers > 1:
        yield evolve(scenario, workers=scenario.workers - 1)
    if scenario.refunds:
        yield evolve(scenario, refunds=0.0)
    if scenario.cancels:
        yield evolve(scenario, cancels=0.0)
    if scenario.latency:
        yield evolve(scenario, latency=0.0)


def _fewer_strikes(result: Result) -> Iterator[Scenario]:
    """With a half, a quarter, … of what went wrong spared."""
    scenario, strikes = result.scenario, result.strikes
    size = len(strikes)
    while size:
        for start in range(0, len(strikes), size):
            spared: frozenset[FaultOccurrence] = scenario.spared | set(
                strikes[start : start + size]
            )
            yield evolve(scenario, spared=spared)
        size //= 2
