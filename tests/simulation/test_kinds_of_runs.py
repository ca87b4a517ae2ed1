"""Busy and delayed runs: more happens to each order than in the plain run of the same seed."""

from typing import Any

import pytest

from domain.order import Order
from domain.payment import Payment
from domain.payment_status import PaymentStatus
from payments_kit.simulation.faults import FaultKind
from payments_kit.simulation.late_faults import ANYWHERE
from payments_kit.simulation.recipe import recipe_of, scenario_from
from payments_kit.simulation.scenario import (
    Kind,
    kind_of,
    plain_scenario_of,
    scenario_of,
    usual_scenario,
)
from payments_kit.simulation.world import World

SEEDS = range(1, 41)


NOT_PLAIN = (Kind.BUSY, Kind.DELAYED)


def charges_of(seed: int, kind: Kind) -> tuple[int, int]:
    """Return how many payments a gateway has charged, and of how many orders."""
    scenario = usual_scenario(seed, kind)
    world = World(scenario)
    world.run()
    return len(world.gateway.charged_payments()), scenario.orders


def test_more_orders_are_charged_in_busy_and_delayed_runs_than_in_plain_ones() -> None:
    shares = {}
    for kind in Kind:
        charges, orders = zip(*(charges_of(seed, kind) for seed in SEEDS), strict=True)
        shares[kind] = sum(charges) / sum(orders)
    assert min(shares[kind] for kind in NOT_PLAIN) > 2 * shares[Kind.PLAIN]


def test_every_fault_is_possible_in_some_busy_run() -> None:
    kinds = [set(usual_scenario(seed, Kind.BUSY).rates) for seed in range(1000)]
    assert set.union(*kinds) == set(FaultKind)
    assert set.intersection(*kinds) == set()


def test_an_order_that_is_paid_again_is_charged_late_in_some_delayed_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    late = list[bool]()
    capture = Order._capture

    def noted(order: Order, payment: Payment, *evidence: Any) -> Order:
        if payment.status is PaymentStatus.ABANDONED:
            others = [each for each in order.payments if each.id != payment.id]
            late.append(any(each.is_live or each.is_captured for each in others))
        return capture(order, payment, *evidence)

    monkeypatch.setattr(Order, "_capture", noted)
    for seed in SEEDS:
        assert World(usual_scenario(seed, Kind.DELAYED)).run().broken == []
    assert any(late)
    assert not all(late)


def test_each_kind_has_its_turn() -> None:
    assert {kind_of(seed) for seed in (4, 5, 6)} == set(Kind)
    for seed in range(4, 10):
        assert scenario_of(seed) == usual_scenario(seed, kind_of(seed + len(Kind)))
        assert recipe_of(scenario_of(seed)) == str(seed)
    recipes = [recipe_of(plain_scenario_of(seed)) for seed in (4, 5, 6)]
    assert recipes == ["4", "5,plain", "6,plain"]


@pytest.mark.parametrize("kind", NOT_PLAIN)
def test_a_run_of_another_kind_has_a_recipe(kind: Kind) -> None:
    scenario, recipe = usual_scenario(7, kind), f"7,{kind.value}"
    assert recipe_of(scenario) == recipe
    assert scenario_from(recipe) == scenario
    assert scenario_from(f"{recipe},orders=3,crash@2").kind is kind
    assert World(scenario).run().digest == World(scenario_from(recipe)).run().digest
    assert World(scenario).run().digest != World(plain_scenario_of(7)).run().digest


@pytest.mark.parametrize("kind", NOT_PLAIN)
def test_a_branch_has_the_rates_of_another_seed_of_its_kind(kind: Kind) -> None:
    scenario = scenario_from(f"1,{kind.value},all:5~2")
    rates, other = scenario.rates_after(scenario.branches[0]), usual_scenario(2, kind).rates
    assert {kind: rates.get(kind) for kind in ANYWHERE} == {
        kind: other.get(kind) for kind in ANYWHERE
    }
