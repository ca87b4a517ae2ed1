"""Participants: everything that acts in a run, besides the processes of the service."""

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from attrs import define, field

from payments_kit.simulation.actors import Customer, GatewayChoice
from payments_kit.simulation.additions import operators_and_others
from payments_kit.simulation.approvals import Approvals
from payments_kit.simulation.banks import Banks
from payments_kit.simulation.clients import Clients
from payments_kit.simulation.declined_cards import sources_of
from payments_kit.simulation.disputes import DISPUTES, Disputes
from payments_kit.simulation.gateway_events import GatewayEvents
from payments_kit.simulation.holds import Holds
from payments_kit.simulation.orders_service import OrderEvents, plan_orders, run_orders_service
from payments_kit.simulation.outages import outages
from payments_kit.simulation.runtime import SimulatedRuntime
from payments_kit.simulation.scenario import Scenario
from payments_kit.simulation.shipments import plan_captures, ship
from payments_kit.simulation.streams import Streams
from payments_kit.simulation.webhooks import Webhooks


@define
class Participants:
    """The orders, their customers, operators and banks of a scenario."""

    scenario: Scenario
    stream: Streams
    runtime: SimulatedRuntime
    clients: Clients
    gateway: GatewayEvents
    orders: OrderEvents
    webhooks: Webhooks
    banks: Banks
    disputes: Disputes
    holds: Holds
    names: list[str] = field(factory=list)
    """The orders and customers that take part."""

    def begin(self, fail_over: Callable[[float], None]) -> Iterator[Coroutine[Any, Any, None]]:
        """Yield what acts; `fail_over` promotes a standby."""
        sources = sources_of(self.scenario)
        scenario, draw = self.scenario, self.stream("world")
        for drawn in plan_orders(scenario, self.stream("orders")):
            plan = plan_captures(drawn, scenario)
            is_present = self._takes_part(plan.id)
            if is_present:
                # Another name of the stream would change all runs.
                stream = self.stream(f"orders side {plan.id}")
                yield run_orders_service(plan, self.orders, stream)
                ship(plan, self.orders, self.runtime.loop)
            for number in range(1, 1 + draw.randint(1, scenario.customers)):
                name = f"customer{plan.id.removeprefix('order')}.{number}"
                arrives_at = plan.at + 1.0 + draw.expovariate(1 / 3.0) * (not scenario.burst)
                if is_present and self._takes_part(name):
                    stream = self.stream(name)
                    wavering = self.stream(f"{name} wavers")
                    choice = GatewayChoice(
                        self.runtime.gateway_names[1:],
                        scenario.second,
                        self.stream(f"{name} chooses"),
                    )
                    approving = self.stream(f"{name} approves")
                    approvals = Approvals(name, plan.id, self.clients, self.gateway, approving)
                    parts = self.clients, self.gateway, stream, choice, wavering, approvals
                    if plan.lifetime is not None:
                        edges, end = self.runtime.injector.edges, plan.at + plan.lifetime
                        arrives_at = edges.near(arrives_at, end)
                    repeating = self.stream(f"{name} repeats")
                    yield Customer(name, plan, *parts, sources, repeating).act(arrives_at)
        at_gateway = self.gateway, self.webhooks, self.banks, self.holds
        yield from operators_and_others(scenario, self.clients, *at_gateway, self.stream)
        yield self.banks.act(scenario.seconds)
        if any(map(self.runtime.injector.is_possible, DISPUTES)):
            yield self.disputes.act(scenario.seconds)
        yield outages(self.runtime, scenario.seconds, self.stream("outages"), fail_over)

    def _takes_part(self, name: str) -> bool:
        if name in self.scenario.absent:
            return False
        self.names.append(name)
        return True
