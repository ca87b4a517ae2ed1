"""Runs of a guided search that did not take place."""

from collections.abc import Mapping

from payments_kit.simulation.guided.runs import GuidedRun
from payments_kit.simulation.scenario import plain_scenario_of
from payments_kit.simulation.seeds import SeedResult


def run_with(features: Mapping[str, int], seed: int = 1, steps: int = 100) -> GuidedRun:
    """Return a run that has reached these features, each at this change."""
    summary = SeedResult(seed, False, {}, frozenset(), {}, steps, 1.0)  # type: ignore[arg-type] # not read
    return GuidedRun(plain_scenario_of(seed), summary, features, 9, ())
