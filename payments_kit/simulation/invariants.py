"""Invariants: the promises of the service, checked on observations of a system at rest.

A violation starts with the number of its promise. What the promises are is written in
`payments_kit.simulation.model`, which shares nothing with the service. The tests on real processes
use this module as well.
"""

from payments_kit.simulation.model.promises import broken_promises as broken_in
from payments_kit.simulation.observations import Observations
from payments_kit.simulation.plain import history_of


def broken_promises(found: Observations) -> list[str]:
    """Return a description of each violation."""
    return broken_in(history_of(found))
