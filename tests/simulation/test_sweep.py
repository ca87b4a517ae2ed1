"""The sweep: each use case is killed at every await, and a charge with one more mishap as well."""

import pytest

from tests.simulation.drills import CHARGES, STORIES, Story, kills, strikes
from tests.simulation.planted_bugs import BUGS

# Bugs that need a crash at one certain step, and the story it belongs to.
AT_ONE_STEP = {
    "the event in a second commit": "CreateCharge with tok_visa",
    "a refund is sent unreserved": "RefundPayment",
    "marked before published": "RelayOutbox",
    "acknowledged before the commit": "ReplicateOrder",
}


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_every_promise_is_kept_whenever_the_process_is_killed_in(story: Story) -> None:
    steps = 0
    for step, result in kills(story):
        assert result.broken == [], f"{story.name}, killed at step {step}"
        steps = step
    assert steps > 3, "the story has hardly a step"


@pytest.mark.parametrize("story", CHARGES, ids=lambda story: story.name)
def test_every_promise_is_kept_with_a_kill_and_one_more_mishap_in(story: Story) -> None:
    occasions = list(strikes(story))
    assert len(occasions) > 20
    for strike in occasions:
        for step, result in kills(story, strike):
            assert result.broken == [], f"{story.name}, killed at step {step}, {strike}"


@pytest.mark.parametrize(("bug", "story"), AT_ONE_STEP.items())
def test_the_sweep_finds_the_one_step_at_which_it_matters_that(bug: str, story: str) -> None:
    planted = next(each for each in BUGS if each.name == bug)
    told = next(each for each in STORIES if each.name == story)
    with planted.planted():
        broken = [step for step, result in kills(told) if result.broken]
    assert broken
    assert 0 not in broken
