"""Busy runs: more happens to each order than in the run of the same seed."""

from payments_kit.simulation.faults import FaultKind
from payments_kit.simulation.late_faults import ANYWHERE
from payments_kit.simulation.recipe import recipe_of, scenario_from
from payments_kit.simulation.scenario import busy_scenario_of, scenario_of
from payments_kit.simulation.world import World

SEEDS = range(1, 41)


def charges_of(seed: int, is_busy: bool) -> tuple[int, int]:
    """Return how many payments a gateway has charged, and of how many orders."""
    scenario = busy_scenario_of(seed) if is_busy else scenario_of(seed)
    world = World(scenario)
    world.run()
    return len(world.gateway.charged_payments()), scenario.orders


def test_more_orders_are_charged_than_in_the_runs_of_seeds() -> None:
    shares = []
    for is_busy in (False, True):
        charges, orders = zip(*(charges_of(seed, is_busy) for seed in SEEDS), strict=True)
        shares.append(sum(charges) / sum(orders))
    assert shares[1] > 2 * shares[0]


def test_every_fault_is_possible_in_some_busy_run() -> None:
    kinds = [set(busy_scenario_of(seed).rates) for seed in range(1000)]
    assert set.union(*kinds) == set(FaultKind)
    assert set.intersection(*kinds) == set()


def test_a_busy_run_has_a_recipe() -> None:
    scenario = busy_scenario_of(8)
    assert recipe_of(scenario) == "8,busy"
    assert scenario_from("8,busy") == scenario
    assert scenario_from("8,busy,orders=3,crash@2").busy
    assert World(scenario).run().digest == World(scenario_from("8,busy")).run().digest
    assert World(scenario).run().digest != World(scenario_of(8)).run().digest


def test_a_branch_of_a_busy_run_has_the_rates_of_another_busy_seed() -> None:
    scenario = scenario_from("1,busy,all:5~2")
    rates, other = scenario.rates_after(scenario.branches[0]), busy_scenario_of(2).rates
    assert {kind: rates.get(kind) for kind in ANYWHERE} == {
        kind: other.get(kind) for kind in ANYWHERE
    }
