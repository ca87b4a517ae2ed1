"""The simulation can fail: each planted bug is found within a bounded number of seeds."""

import pytest

from payments_kit.simulation.shrink import shrink
from tests.simulation.planted_bugs import BUGS, MAX_SEEDS, Bug, seeds_to_find


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_the_simulation_finds_out_that(bug: Bug) -> None:
    tried, result = seeds_to_find(bug)
    print(f"{bug.name}: {tried} seeds")
    assert result is not None, f"not found in {MAX_SEEDS} seeds"


def test_at_least_fifteen_bugs_are_planted() -> None:
    assert len({bug.name for bug in BUGS}) == len(BUGS) >= 15


def test_a_failing_run_shrinks_to_a_smaller_one_that_breaks_the_same_promise() -> None:
    bug = next(each for each in BUGS if each.name == "a timeout means failed")
    _, failing = seeds_to_find(bug)
    assert failing is not None
    with bug.planted():
        smallest, again = shrink(failing), shrink(failing)
    assert smallest.broken
    assert len(smallest.lines) < len(failing.lines) / 2
    assert len(smallest.strikes) < len(failing.strikes) / 4
    assert smallest.scenario == again.scenario
    assert smallest.digest == again.digest
