"""Seeds: run many of them, in this process or in several."""

import signal
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from itertools import islice
from multiprocessing import get_context
from typing import Final

from attrs import frozen

from payments_kit.simulation.faults import FaultKind
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
    steps: int
    seconds: float


def run_seed(seed: int) -> SeedResult:
    """Run one seed."""
    result = World(scenario_of(seed)).run()
    return SeedResult(seed, bool(result.broken), result.happened, result.steps, result.seconds)


def _run_all(seeds: Sequence[int]) -> list[SeedResult]:
    return [run_seed(seed) for seed in seeds]


@contextmanager
def run_seeds(seeds: Iterable[int], jobs: int) -> Iterator[Iterator[SeedResult]]:
    """Run seeds in this many processes; yield the results in the order of the seeds.

    What has not begun at the end of the block is dropped.
    """
    if jobs == 1:
        yield map(run_seed, seeds)
        return
    # A forked process needs to import nothing, which takes as long as some thirty seeds.
    # An interrupt of the terminal reaches all processes; the parent ends the others.
    ignore_interrupt = (signal.SIGINT, signal.SIG_IGN)
    pool = ProcessPoolExecutor(jobs, get_context("fork"), signal.signal, ignore_interrupt)
    try:
        yield _in_order(pool, iter(seeds), jobs * _TASKS_AHEAD)
    finally:
        pool.shutdown(cancel_futures=True)


def _in_order(pool: ProcessPoolExecutor, seeds: Iterator[int], ahead: int) -> Iterator[SeedResult]:
    tasks: deque[Future[list[SeedResult]]] = deque()
    while True:
        while len(tasks) < ahead and (some := list(islice(seeds, _SEEDS_AT_ONCE))):
            tasks.append(pool.submit(_run_all, some))
        if not tasks:
            return
        yield from tasks.popleft().result()
