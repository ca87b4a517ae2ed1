"""Edges: delays that end just before, at or just after a time limit of the code."""

import random
from typing import Final

from attrs import frozen

from payments_kit.simulation.limits import LIMITS

_OFFSETS: Final = (-1.0, -0.001, 0.0, 0.001, 1.0)
"""Seconds: what differs by less than clocks do, and what does not."""


@frozen
class Edges:
    """Moves some delays to the edge of a limit."""

    share: float
    """How many delays; 0: none."""
    draw: random.Random
    """A random stream of its own, so that the other decisions of a seed stay the same."""

    def of(self, seconds: float, longest: float, age: float = 0.0) -> float:
        """Return this delay, or one that ends at the edge of a limit.

        The limits began `age` seconds ago, and it ends at most `longest` seconds after that.
        """
        if not self.share or self.draw.random() >= self.share:
            return seconds
        limits = [each for each in LIMITS if age < each <= longest + _OFFSETS[-1]]
        if not limits:
            return seconds
        end = min(self.draw.choice(limits) + self.draw.choice(_OFFSETS), longest)
        return max(0.0, end - age)

    def near(self, seconds: float, moment: float) -> float:
        """Return this time, or one at the edge of a moment that a plan has set."""
        if not self.share or self.draw.random() >= self.share:
            return seconds
        return max(0.0, moment + self.draw.choice(_OFFSETS))


NO_EDGES: Final = Edges(0.0, random.Random(0))  # noqa: S311 - never used
"""All delays stay as they are."""
