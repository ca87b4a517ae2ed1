"""Searches for the bugs that need three things at once, compared with each other.

`python -m tests.simulation.rare_searches 2000 1 100001 200001` prints the table in docs/proof.md:
the medians of searches of 2,000 runs, one from each of the seeds.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import count
from math import inf
from statistics import median
from time import process_time
from typing import Final

import click
from attrs import frozen

from payments_kit.simulation.guided.runs import run_guided
from payments_kit.simulation.guided.search import Search
from payments_kit.simulation.scenario import Kind, Scenario, usual_scenario
from payments_kit.simulation.world import World
from tests.simulation.rare_bugs import RARE_BUGS, SITUATIONS, broken_by


@frozen
class Found:
    """The first run of a search with a situation."""

    number: int
    """Which run of the search it is, from 1."""
    seconds: float
    """How much CPU time the search had needed so far."""
    scenario: Scenario


def first_runs(search: Iterator[Scenario], runs: int) -> dict[str, Found]:
    """Return by bug the first run with its situation.

    All bugs are looked for at once: only their situations are noted, and the rules stay right.
    """
    found, began = dict[str, Found](), process_time()
    with ExitStack() as probes:
        for each in RARE_BUGS:
            probes.enter_context(each.probe.planted())
        SITUATIONS.clear()
        for number, scenario in zip(range(1, runs + 1), search, strict=False):
            for name in SITUATIONS:
                found.setdefault(name, Found(number, process_time() - began, scenario))
            SITUATIONS.clear()
    return found


def seeds(kind: Kind, first: int) -> Iterator[Scenario]:
    """Run one seed after another."""
    for seed in count(first):
        scenario = usual_scenario(seed, kind)
        World(scenario).run()
        yield scenario


def guided(first: int) -> Iterator[Scenario]:
    """Run a guided search."""
    search = Search(first)
    while True:
        for scenario in search.next_round():
            search.learn(run_guided(scenario))
            yield scenario


SEARCHES: Final[Mapping[str, Callable[[int], Iterator[Scenario]]]] = {
    "plain seeds": partial(seeds, Kind.PLAIN),
    "busy seeds": partial(seeds, Kind.BUSY),
    "delayed seeds": partial(seeds, Kind.DELAYED),
    "guided": guided,
}


def median_of(found: list[Found | None]) -> str:
    """Return the median of the runs and of the CPU seconds; – if most searches missed it."""
    number = median(inf if each is None else each.number for each in found)
    seconds = median(inf if each is None else each.seconds for each in found)
    return "–" if number == inf else f"{number:,.0f} ({seconds:.0f} s)"


@click.command()
@click.argument("runs", type=click.IntRange(1))
@click.argument("firsts", type=click.IntRange(0), nargs=-1, required=True)
def main(runs: int, firsts: Sequence[int]) -> None:
    """Print when each bug is found by each kind of search: of so many runs, from these seeds."""
    found = {
        name: [first_runs(search(first), runs) for first in firsts]
        for name, search in SEARCHES.items()
    }
    columns = "---:|" * len(SEARCHES)
    print(f"| planted bug | {' | '.join(SEARCHES)} | broken |\n|---|{columns}---|")
    for bug in RARE_BUGS:
        medians = [median_of([each.get(bug.name) for each in by]) for by in found.values()]
        all_found = [each[bug.name] for by in found.values() for each in by if bug.name in each]
        broken = [broken_by(bug, each.scenario) for each in all_found]
        promises = sorted({each.partition(":")[0] for run in broken for each in run}, key=int)
        print(f"| {bug.name} | {' | '.join(medians)} | {', '.join(promises)} |", flush=True)


if __name__ == "__main__":
    main()
