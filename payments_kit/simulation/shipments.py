"""Shipments: when an order is shipped, and how much of it is to be captured."""

import random
from typing import Final

from attrs import evolve

from payments_kit.simulation.loop import SimulatedLoop
from payments_kit.simulation.orders_service import OrderEvents, OrderPlan, PlannedShipment
from payments_kit.simulation.scenario import Scenario

_SHIPS_TWICE: Final = 0.3
"""How often a second shipment is published, with the same or a higher version."""

_MAX_EXPONENT: Final = 5.9
"""The latest shipment is 10 to this power of seconds after its order: nine days, when the money is
not held any more."""


def plan_captures(plan: OrderPlan, scenario: Scenario) -> OrderPlan:
    """Draw whether an order is captured later, and what is shipped of it."""
    # A random stream of its own, so that the other decisions of a seed stay the same.
    draw = scenario.stream(f"captures of {plan.id}")
    if draw.random() >= scenario.manual:
        return evolve(plan, capture=draw.choice((None, None, "automatic")))
    shipments = list[PlannedShipment]()
    if draw.random() < scenario.ships:
        shipments.append(_shipment(plan, len(plan.prices), draw))
        if draw.random() < _SHIPS_TWICE:
            version = len(plan.prices) + draw.randint(0, 1)
            shipments.append(_shipment(plan, version, draw))
    return evolve(plan, capture="manual", shipments=tuple(shipments))


def _shipment(plan: OrderPlan, version: int, draw: random.Random) -> PlannedShipment:
    price = plan.prices[-1].minor_units
    delay = draw.choice(
        (
            draw.uniform(-2.0, 3.0),  # before it is created, or paid
            draw.expovariate(1 / 15),
            10 ** draw.uniform(1.0, _MAX_EXPONENT),
        )
    )
    part = max(1, price * 6 // 10)
    minor_units = draw.choice((None, None, price, part, 1, price + 1))
    return PlannedShipment(max(0.0, plan.at + delay), version, minor_units)


def ship(plan: OrderPlan, events: OrderEvents, loop: SimulatedLoop) -> None:
    """Publish the shipments of an order when they are due, even days after all actors."""
    for each in plan.shipments:
        loop.call_at(each.at, events.publish_shipped, plan, each, context=loop.outside)
