"""The frontier: a search continues runs from rare states, and each less often than before."""

import random
from collections import Counter

from payments_kit.simulation.guided.frontier import Frontier
from payments_kit.simulation.novelty import STATE
from tests.simulation.guided_runs import run_with

COMMON, RARE = f"{STATE}common", f"{STATE}rare"


def test_nothing_is_chosen_before_a_state_was_reached() -> None:
    frontier = Frontier()
    frontier.add(run_with({"payment >processing": 1}))
    assert not frontier
    frontier.add(run_with({COMMON: 1}))
    assert frontier


def test_a_rare_state_is_chosen_more_often_than_a_common_one() -> None:
    frontier, draw = Frontier(), random.Random(1)
    for seed in range(300):
        frontier.add(run_with({COMMON: 2}, seed))
    frontier.add(run_with({COMMON: 2, RARE: 7}, 500))
    moments = Counter(frontier.choose(draw)[1] for _ in range(100))
    assert moments[7] > 80


def test_a_state_from_which_runs_were_continued_is_chosen_less_often() -> None:
    frontier, draw = Frontier(), random.Random(1)
    for each in range(10):
        frontier.add(run_with({f"{STATE}{each}": each}, each))
    moments = Counter(frontier.choose(draw)[1] for _ in range(1000))
    assert min(moments.values()) > 70


def test_the_smallest_runs_of_a_state_are_continued() -> None:
    frontier, draw = Frontier(), random.Random(1)
    runs = [run_with({RARE: 1}, seed, steps=100 * seed) for seed in (5, 1, 4, 2, 3)]
    for run in runs:
        frontier.add(run)
    chosen = {frontier.choose(draw)[0].scenario.seed for _ in range(50)}
    assert chosen == {1, 2, 3}
