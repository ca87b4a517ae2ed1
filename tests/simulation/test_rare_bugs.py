"""Bugs that need three things at once, looked for by a guided search."""

import pytest

from payments_kit.simulation.scenario import plain_scenario_of
from payments_kit.simulation.world import World
from tests.depth import IS_DEEP
from tests.simulation.rare_bugs import RARE_BUGS, SITUATIONS, RareBug, broken_by
from tests.simulation.rare_searches import Found, first_runs, guided, median_of

RUNS = 600


@pytest.mark.parametrize("bug", RARE_BUGS, ids=lambda bug: bug.name)
def test_a_run_without_the_situation_keeps_every_promise(bug: RareBug) -> None:
    SITUATIONS.clear()
    assert broken_by(bug, plain_scenario_of(3)) == []
    assert set() == SITUATIONS


def test_noting_a_situation_does_not_change_a_run() -> None:
    with RARE_BUGS[0].probe.planted():
        probed = World(plain_scenario_of(3)).run().digest
    assert probed == World(plain_scenario_of(3)).run().digest


@pytest.mark.skipif(not IS_DEEP, reason="takes minutes")
def test_a_guided_search_finds_most_of_them() -> None:
    found = first_runs(guided(first=1), RUNS)
    broken = [
        bug for bug in RARE_BUGS if bug.name in found and broken_by(bug, found[bug.name].scenario)
    ]
    assert len(found) >= 4
    assert broken


def test_a_search_that_misses_a_bug_counts_as_the_longest() -> None:
    runs = [Found(number, number / 10, plain_scenario_of(number)) for number in (30, 1200, 500)]
    assert median_of([*runs]) == "500 (50 s)"
    assert median_of([runs[0], None, runs[1]]) == "1,200 (120 s)"
    assert median_of([runs[0], None, None]) == "–"
