"""The speed of the simulation."""

import time
from itertools import count
from typing import Final

from payments_kit.simulation.scenario import plain_scenario_of
from payments_kit.simulation.world import World
from tests.bench.lab import Lab
from tests.bench.load import BenchFailed
from tests.bench.plan import Plan
from tests.bench.results import Result, Sample

# About as many as a seed takes, so that the figure does not change with the scenarios.
_STEPS: Final = 3_000

_NAME: Final = f"simulated seeds of {_STEPS:,} steps, one core"


def measure_simulation(_lab: Lab, plan: Plan) -> list[Result]:
    """Measure steps of simulated seeds by their CPU time; every round has the same seeds."""

    def simulate() -> Sample:
        started, steps = time.process_time(), 0
        for seed in count(1):
            result = World(plain_scenario_of(seed)).run()
            steps += result.steps
            if result.broken:
                raise BenchFailed(f"seed {seed} breaks a promise: run `payments simulate`")
            seconds = time.process_time() - started
            if seconds > plan.seconds:
                return Sample(steps / seconds / _STEPS, {}, {"a seed has steps": steps / seed})
        raise AssertionError("there is always one more seed")

    return [Result(plan.measure("simulation", {_NAME: simulate})[_NAME], "seeds/s")]
