"""Worlds with limits of declined cards keep the promises, and find each planted bug."""

import pytest

from payments_kit.simulation.faults import FaultKind
from payments_kit.simulation.scenario import Scenario
from payments_kit.simulation.workloads import Workload
from payments_kit.simulation.world import World
from tests.simulation.bug import Bug
from tests.simulation.decline_bugs import DECLINE_BUGS

RATES = {FaultKind.GATEWAY_REPLY_LOST: 0.03, FaultKind.CRASH: 0.002, FaultKind.PAUSE: 0.002}
MAX_SEEDS = 40
TOO_MANY = 429


def world_of(seed: int) -> World:
    """Return a world in which the database never fails, so that each decline is counted."""
    limits = frozenset({Workload.LIMITS})
    return World(Scenario(seed, orders=2, seconds=30.0, cancels=0.0, rates=RATES, workloads=limits))


def test_every_promise_is_kept_if_declined_cards_are_limited() -> None:
    refused = 0
    for seed in range(1, 11):
        world = world_of(seed)
        assert world.run().broken == [], f"seed {seed}"
        refused += sum(each.status == TOO_MANY for each in world.clients.attempts)
    assert refused


@pytest.mark.parametrize("bug", DECLINE_BUGS, ids=lambda bug: bug.name)
def test_the_simulation_finds(bug: Bug) -> None:
    with bug.planted():
        assert any(world_of(seed).run().broken for seed in range(1, MAX_SEEDS + 1))
