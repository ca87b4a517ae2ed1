"""Additions: the activities of the workloads that only some runs have."""

import random
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from payments_kit.simulation.clients import Clients
from payments_kit.simulation.decisions import Decisions
from payments_kit.simulation.foreign import Foreign
from payments_kit.simulation.mistakes import Mistakes
from payments_kit.simulation.reconciling import Reconciling
from payments_kit.simulation.scenario import Scenario
from payments_kit.simulation.webhooks import Webhooks
from payments_kit.simulation.workloads import Workload


def added_activities(
    scenario: Scenario,
    clients: Clients,
    webhooks: Webhooks,
    stream: Callable[[str], random.Random],
) -> Iterator[Coroutine[Any, Any, None]]:
    """Begin what the scenario has besides customers and operators."""
    workloads = scenario.workloads
    if Workload.DECIDES in workloads:
        watch = clients.cluster.runtime.watch
        watch.on_review = Decisions(clients, stream("decisions")).notice
    if Workload.RECONCILES in workloads:
        Reconciling(scenario, clients, stream("reconciling")).begin()
    if Workload.MISTAKES in workloads:
        yield Mistakes(scenario, clients, stream("mistakes")).act()
    if Workload.FOREIGN in workloads and scenario.webhooks:
        yield Foreign(scenario, clients, webhooks, stream("foreign")).act()
