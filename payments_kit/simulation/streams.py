"""Streams: the random decisions of a run, each part's from a stream of its own."""

import random
from collections.abc import Sequence
from typing import Final

from attrs import define, field, frozen

LOOP: Final = "loop"
"""The stream that determines the order of steps."""

ALL: Final = "all"
"""All streams, and the rates of the faults: the run continues as another one would."""


@frozen
class Branch:
    """Other decisions of one stream from some moment on; what it decided before stays the same."""

    stream: str
    """The name of the stream, or ALL."""
    change: int
    """After so many changes of orders and of records at the gateways; 0: from the beginning."""
    variant: int
    """Which other decisions, from 1."""


def stream_of(name: str, seed: int, branches: Sequence[Branch] = ()) -> random.Random:
    """Return the random stream of this name, as it is at the beginning of a run."""
    stream = random.Random(f"{name} {seed}")  # noqa: S311 - replayable on purpose
    for branch in branches:
        if branch.stream == name and branch.change == 0:
            stream.seed(f"{name} {seed} {branch.variant}")
    return stream


@define
class Streams:
    """The streams of one run."""

    seed: int
    branches: Sequence[Branch] = ()
    _later: str = ""
    """Which streams begin from now on."""
    _named: dict[str, list[random.Random]] = field(factory=dict)

    def __call__(self, name: str) -> random.Random:
        """Return a stream of this name."""
        stream = stream_of(f"{name}{self._later}", self.seed, self.branches)
        self._named.setdefault(name, []).append(stream)
        return stream

    def branch_off(self, branch: Branch) -> None:
        """Let a stream, or all of them, decide otherwise from now on."""
        if branch.stream == ALL:
            self._later = f" {branch.variant}"
        for name, streams in self._named.items():
            if branch.stream in (name, ALL):
                for stream in streams:
                    stream.seed(f"{name} {self.seed} {branch.variant}")
