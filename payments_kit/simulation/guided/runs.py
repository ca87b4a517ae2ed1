"""Runs of a guided search: a scenario, and what it has reached."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from attrs import frozen

from payments_kit.simulation.pool import open_pool
from payments_kit.simulation.scenario import Scenario
from payments_kit.simulation.seeds import SeedResult
from payments_kit.simulation.world import World

_STEPS_OF_A_CHANGE: Final = 200
"""How many steps a run may take more if its recipe has one change less: both are hard to read."""

_RUNS_AT_ONCE: Final = 4
"""Sending a task takes as long as a hundredth of a run; a round has several tasks a process."""


@frozen
class GuidedRun:
    """One run of the search."""

    scenario: Scenario
    result: SeedResult
    features: Mapping[str, int]
    """What it has reached, each with the number of the change at which it did so first."""
    changes: int
    """How often an order or a record at a gateway has changed."""
    names: tuple[str, ...]
    """The orders and customers that took part."""

    @property
    def cost(self) -> int:
        """How large it is."""
        scenario = self.scenario
        changes = len(scenario.placed) + len(scenario.branches)
        return self.result.steps + _STEPS_OF_A_CHANGE * changes


def run_guided(scenario: Scenario) -> GuidedRun:
    """Run a scenario, and note what it reaches."""
    world = World(scenario)
    novelty = world.note_novelty()
    result = world.run()
    novelty.finish(world.clients.replies)
    summary = SeedResult(
        scenario.seed,
        bool(result.broken),
        result.happened,
        frozenset(scenario.rates),
        result.activities,
        result.steps,
        result.seconds,
    )
    return GuidedRun(scenario, summary, novelty.features, novelty.changes, tuple(result.names))


RunAll = Callable[[Sequence[Scenario]], Iterable[GuidedRun]]


@contextmanager
def runner(jobs: int) -> Iterator[RunAll]:
    """Return what runs scenarios in this many processes; the results have the same order."""
    if jobs == 1:
        yield lambda scenarios: map(run_guided, scenarios)
        return
    pool = open_pool(jobs)
    try:
        yield lambda scenarios: pool.map(run_guided, scenarios, chunksize=_RUNS_AT_ONCE)
    finally:
        pool.shutdown(cancel_futures=True)
