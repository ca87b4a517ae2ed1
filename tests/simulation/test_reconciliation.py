"""Reconciliation runs beside everything else, and the promises are kept."""

import pytest

from payments_kit.simulation.scenario import plain_scenario_of
from payments_kit.simulation.world import World
from tests.simulation.bug import Bug
from tests.simulation.planted_bugs import MAX_SEEDS, seeds_to_find
from tests.simulation.reconcile_bugs import ALWAYS_RECONCILING, RECONCILE_BUGS

# In these runs it repairs lost charges, lost refunds and late failures before anything else does.
# A change of the simulation makes each seed another run: any other seeds are as right.
SEEDS = (14, 38, 73, 79, 87, 91, 105, 123, 147, 178, 194, 251, 295, 315, 329)

# As in test_planted_bugs.py.
FOUND_AT = {"a repair charges again": 38}


@pytest.mark.parametrize("seed", SEEDS)
def test_the_promises_are_kept_while_books_are_reconciled(seed: int) -> None:
    with ALWAYS_RECONCILING.planted():
        assert not World(plain_scenario_of(seed)).run().broken


@pytest.mark.parametrize("bug", RECONCILE_BUGS, ids=lambda bug: bug.name)
def test_the_simulation_finds(bug: Bug) -> None:
    tried, result = seeds_to_find(bug, FOUND_AT.get(bug.name, bug.first))
    print(f"{bug.name}: {tried} seeds")
    assert result is not None, f"not found in {MAX_SEEDS} seeds"
