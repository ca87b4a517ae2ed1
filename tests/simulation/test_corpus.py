"""The recipes that a guided search has kept: runs that together reach the most."""

from pathlib import Path

import pytest

from payments_kit.simulation.guided.corpus import MAX_KEPT, read_corpus
from payments_kit.simulation.guided.runs import run_guided
from payments_kit.simulation.recipe import recipe_of
from payments_kit.simulation.scenario import scenario_of
from payments_kit.simulation.world import World
from tests.depth import IS_DEEP, part

CORPUS = read_corpus(Path(__file__).with_name("corpus.txt"))
BATCH = 50
# The first recipes reach the most.
ONE_IN = 10


@pytest.mark.parametrize("first", range(0, MAX_KEPT, BATCH))
def test_every_promise_is_kept_in_the_kept_recipes_from(first: int) -> None:
    for scenario in part(CORPUS[first : first + BATCH], ONE_IN):
        broken = World(scenario).run().broken
        assert broken == [], f"payments simulate --replay {recipe_of(scenario)}"


def test_no_recipe_is_kept_twice() -> None:
    assert len({recipe_of(scenario) for scenario in CORPUS}) == len(CORPUS) <= MAX_KEPT


@pytest.mark.skipif(not IS_DEEP, reason="takes a minute")
def test_the_kept_recipes_reach_more_than_as_many_seeds() -> None:
    kept, seeds = set[str](), set[str]()
    for number, scenario in enumerate(CORPUS):
        kept.update(run_guided(scenario).features)
        seeds.update(run_guided(scenario_of(20_001 + number)).features)
    assert len(kept) > len(seeds)
