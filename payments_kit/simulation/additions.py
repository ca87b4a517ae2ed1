"""Additions: operators, and the workloads that only some runs have."""

import random
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from payments_kit.simulation.actors import Operator
from payments_kit.simulation.banks import Banks
from payments_kit.simulation.clients import Clients
from payments_kit.simulation.decisions import Decisions
from payments_kit.simulation.declined_cards import CardTester
from payments_kit.simulation.foreign import Foreign
from payments_kit.simulation.gateway_events import GatewayEvents
from payments_kit.simulation.holds import Holds
from payments_kit.simulation.merchant import Merchant
from payments_kit.simulation.mistakes import Mistakes
from payments_kit.simulation.reads import Reads
from payments_kit.simulation.reconciling import Reconciling
from payments_kit.simulation.reviews import review
from payments_kit.simulation.scenario import Scenario
from payments_kit.simulation.webhooks import Webhooks
from payments_kit.simulation.workloads import Workload


def operators_and_others(
    scenario: Scenario,
    clients: Clients,
    gateway: GatewayEvents,
    webhooks: Webhooks,
    banks: Banks,
    holds: Holds,
    stream: Callable[[str], random.Random],
) -> Iterator[Coroutine[Any, Any, None]]:
    """Begin what the scenario has besides customers, banks and failures."""
    if scenario.refunds:
        yield Operator(scenario, clients, gateway, banks, stream("operator")).act()
    if scenario.merchant and scenario.manual:
        merchant = Merchant(scenario, clients, gateway, stream("merchant"))
        yield merchant.act()
        merchant.act_later(clients.loop)
        holds.act_near_end = merchant.act_near
        yield review(scenario, clients, stream("reviews"))
    workloads = scenario.workloads
    if Workload.DECIDES in workloads:
        watch = clients.cluster.runtime.watch
        watch.on_review = Decisions(clients, stream("decisions")).notice
    if Workload.RECONCILES in workloads:
        Reconciling(scenario, clients, stream("reconciling")).begin()
    if Workload.MISTAKES in workloads:
        yield Mistakes(scenario, clients, stream("mistakes")).act()
    if Workload.READS in workloads:
        yield Reads(scenario, clients, stream("reads")).act()
    if Workload.LIMITS in workloads:
        yield CardTester(scenario, clients, stream("card tester")).act()
    if Workload.FOREIGN in workloads and scenario.webhooks:
        yield Foreign(scenario, clients, webhooks, stream("foreign")).act()
