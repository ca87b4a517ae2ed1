"""Seeds: run many of them, in this process or in several."""

import gc
import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager, nullcontext
from functools import cache, partial
from itertools import islice
from typing import Final

from attrs import field, frozen

from payments_kit.simulation.activities import Activity
from payments_kit.simulation.coverage.tracing import Arcs, Tracer
from payments_kit.simulation.faults import FaultKind
from payments_kit.simulation.pool import open_pool
from payments_kit.simulation.scenario import scenario_of
from payments_kit.simulation.world import World

# Sending one task takes as long as a hundredth of a seed; a process has about a second of work.
_SEEDS_AT_ONCE: Final = 20

# Tasks that wait for each process, so that none is idle, and so that seeds may be without end.
_TASKS_AHEAD: Final = 3


@frozen
class SeedResult:
    """What a summary needs of one run."""

    seed: int
    is_broken: bool
    """Whether a promise was broken; running the seed again gives the details."""
    happened: Counter[FaultKind]
    possible: frozenset[FaultKind]
    activities: Counter[Activity]
    steps: int
    seconds: float
    arcs: Arcs = field(factory=dict, repr=False)
    """What no earlier seed of its process has reached; empty if coverage is not measured."""


def run_seed(seed: int, tracer: Tracer | None = None) -> SeedResult:
    """Run one seed."""
    world = World(scenario_of(seed))
    if tracer is not None:
        # Else coroutines of an earlier run might end in this one, and be measured with it.
        gc.collect()
    with tracer or nullcontext():
        result = world.run()
    return SeedResult(
        seed,
        bool(result.broken),
        result.happened,
        frozenset(result.scenario.rates),
        result.activities,
        result.steps,
        result.seconds,
        tracer.take() if tracer else {},
    )


def _run_all(measures: bool, seeds: Sequence[int]) -> list[SeedResult]:
    tracer = _tracer_of(os.getpid()) if measures else None
    return [run_seed(seed, tracer) for seed in seeds]


@cache
def _tracer_of(process: int) -> Tracer:
    """Return the tracer of this process: a forked one must not know what its parent has seen."""
    gc.freeze()
    return Tracer()


@contextmanager
def run_seeds(
    seeds: Iterable[int], jobs: int, *, measures: bool = False
) -> Iterator[Iterator[SeedResult]]:
    """Run seeds in this many processes; yield the results in the order of the seeds.

    What has not begun at the end of the block is dropped.
    """
    if jobs == 1:
        if not measures:
            yield map(run_seed, seeds)
            return
        gc.freeze()  # so that only what runs have left is looked through after each
        try:
            yield map(partial(run_seed, tracer=Tracer()), seeds)
        finally:
            gc.unfreeze()
        return
    pool = open_pool(jobs)
    try:
        run_all = partial(_run_all, measures)
        yield _in_order(pool, run_all, iter(seeds), jobs * _TASKS_AHEAD)
    finally:
        pool.shutdown(cancel_futures=True)


def _in_order(
    pool: ProcessPoolExecutor,
    run_all: Callable[[Sequence[int]], list[SeedResult]],
    seeds: Iterator[int],
    ahead: int,
) -> Iterator[SeedResult]:
    tasks: deque[Future[list[SeedResult]]] = deque()
    while True:
        while len(tasks) < ahead and (some := list(islice(seeds, _SEEDS_AT_ONCE))):
            tasks.append(pool.submit(run_all, some))
        if not tasks:
            return
        yield from tasks.popleft().result()
