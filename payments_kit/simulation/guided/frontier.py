"""Frontier: the states of orders that were reached, and which run is continued from which one."""

import random
from collections import Counter
from typing import Final

from attrs import define, field

from payments_kit.simulation.guided.runs import GuidedRun
from payments_kit.simulation.novelty import STATE

_KEPT: Final = 3
"""How many runs are kept for a state: what had happened before may matter, too."""


@define
class Frontier:
    """Chooses a rare state, and the moment at which a run has reached it."""

    hits: Counter[str] = field(factory=Counter)
    """In how many runs each state was reached."""
    tries: Counter[str] = field(factory=Counter)
    """How often a run was continued from each state."""
    _runs: dict[str, list[GuidedRun]] = field(factory=dict)
    """By state: the smallest of the runs that have reached it."""

    def add(self, run: GuidedRun) -> None:
        """Note the states that a run has reached."""
        for feature in run.features:
            if feature.startswith(STATE):
                self.hits[feature] += 1
                runs = self._runs.setdefault(feature, [])
                runs.append(run)
                runs.sort(key=lambda each: each.cost)
                del runs[_KEPT:]

    def __bool__(self) -> bool:
        """Whether any state was reached."""
        return bool(self._runs)

    def choose(self, draw: random.Random) -> tuple[GuidedRun, int]:
        """Return a run, and at which change it has reached a state.

        The rarer the state, and the less often a run was continued from it, the more often.
        """
        states = [*self._runs]
        weights = [1 / (self.hits[each] + self.tries[each]) for each in states]
        state = draw.choices(states, weights)[0]
        self.tries[state] += 1
        run = draw.choice(self._runs[state])
        return run, run.features[state]
