"""Search: choose the next runs by what the earlier ones have reached."""

import random
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Final

from attrs import define, field

from payments_kit.simulation.guided.corpus import Corpus
from payments_kit.simulation.guided.frontier import Frontier
from payments_kit.simulation.guided.mutations import mutate
from payments_kit.simulation.guided.runs import GuidedRun
from payments_kit.simulation.scenario import Kind, Scenario, usual_scenario

ROUND: Final = 32
"""How many runs are chosen at once, so that several processes choose the same runs as one."""

FRESH: Final = 0.75
"""How many runs are further seeds; the others continue an earlier run otherwise."""

_KINDS: Final = (Kind.BUSY, Kind.DELAYED)
"""The kinds of further seeds, in turn."""


@define
class Search:
    """Chooses runs, and learns from their results."""

    first: int
    """The first seed, which determines everything."""
    known: Sequence[Scenario] = ()
    """The scenarios of an earlier search, which run first."""
    corpus: Corpus = field(factory=Corpus)
    frontier: Frontier = field(factory=Frontier)
    _seeds: Iterator[int] = field(init=False)
    _draw: random.Random = field(init=False)
    _waiting: list[Scenario] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._seeds = count(self.first)
        self._draw = random.Random(f"guided {self.first}")  # noqa: S311 - replayable on purpose
        self._waiting = [*reversed(self.known)]

    def next_round(self) -> list[Scenario]:
        """Choose the next runs."""
        return [self._next() for _ in range(ROUND)]

    def _next(self) -> Scenario:
        if self._waiting:
            return self._waiting.pop()
        if not self.frontier or self._draw.random() < FRESH:
            seed = next(self._seeds)
            return usual_scenario(seed, _KINDS[seed % len(_KINDS)])
        return mutate(*self.frontier.choose(self._draw), self._draw)

    def learn(self, run: GuidedRun) -> None:
        """Note what a run has reached."""
        self.corpus.add(run)
        self.frontier.add(run)
