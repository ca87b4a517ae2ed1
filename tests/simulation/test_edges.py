"""Delays at the edge of a time limit."""

import random

import pytest

from domain.check_times import ABANDON_AFTER, AUTHENTICATION_WINDOW
from payments_kit.simulation.edges import NO_EDGES, Edges
from payments_kit.simulation.limits import LIMITS, place_of

WINDOW = AUTHENTICATION_WINDOW.total_seconds()
ABANDON = ABANDON_AFTER.total_seconds()


def delays(longest: float, age: float = 0.0) -> set[float]:
    edges = Edges(1.0, random.Random(1))
    return {round(edges.of(5.0, longest, age) + age, 3) for _ in range(5000)}


def test_they_end_before_at_and_after_each_limit_up_to_the_longest() -> None:
    limits = [each for each in LIMITS if each <= WINDOW]
    offsets = (-1.0, -0.001, 0.0, 0.001, 1.0)
    assert delays(WINDOW + 1.0) == {
        max(0.0, round(each + offset, 3)) for each in limits for offset in offsets
    }
    assert {ABANDON, WINDOW} <= set(limits)


def test_they_never_end_after_the_longest_or_before_now() -> None:
    assert max(delays(WINDOW)) == WINDOW
    assert min(delays(WINDOW, age=ABANDON)) >= ABANDON


def test_a_limit_that_is_over_is_not_chosen() -> None:
    assert delays(ABANDON, age=ABANDON + 2.0) == {5.0 + ABANDON + 2.0}


def test_a_moment_of_a_plan_has_an_edge_as_well() -> None:
    edges = Edges(1.0, random.Random(1))
    assert {edges.near(5.0, 30.0) for _ in range(100)} == {29.0, 29.999, 30.0, 30.001, 31.0}


@pytest.mark.parametrize("seconds", [0.0, 5.0, 1e6])
def test_without_edges_each_delay_stays_as_it_is(seconds: float) -> None:
    assert NO_EDGES.of(seconds, WINDOW) == NO_EDGES.near(seconds, 30.0) == seconds


def test_the_place_of_a_time_is_between_two_limits_or_at_one() -> None:
    assert place_of(0.0) == "0"
    assert place_of(LIMITS[0]) == "at 0"
    assert place_of(LIMITS[-1] + 1.0) == str(len(LIMITS))
