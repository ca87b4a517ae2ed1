"""The simulation finds each planted bug within a limited number of seeds."""

import pytest

from payments_kit.simulation.shrink import shrink
from payments_kit.simulation.world import World
from tests.simulation.bug import Bug
from tests.simulation.planted_bugs import BUGS, MAX_SEEDS, bug_named, seeds_to_find


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_the_simulation_finds(bug: Bug) -> None:
    tried, result = seeds_to_find(bug, bug.first)
    print(f"{bug.name}: {tried} seeds")
    assert result is not None, f"not found in {MAX_SEEDS} seeds"


def test_a_failing_run_shrinks_to_a_smaller_one_that_breaks_the_same_promise() -> None:
    bug = bug_named("a timeout is a decline")
    _, failing = seeds_to_find(bug, first=60)  # a large run
    assert failing is not None
    with bug.planted():
        smallest = shrink(failing)
        again = World(smallest.scenario).run()
    assert smallest.broken
    assert len(smallest.names) < len(failing.names)
    assert len(smallest.occurrences) < len(failing.occurrences) / 4
    assert again == smallest
