"""Streams: the random decisions of a run, each part's from a stream of its own."""

import random
from collections.abc import Sequence
from typing import Final

from attrs import define, field, frozen

LOOP: Final = "loop"
"""The stream that determines the order of steps."""


@frozen
class Branch:
    """Other decisions of one stream from some moment on; what it decided before stays the same."""

    stream: str
    change: int
    """After so many changes of orders and of records at the gateways; 0: from the beginning."""
    variant: int
    """Which other decisions, from 1."""


def stream_of(name: str, seed: int, branches: Sequence[Branch] = ()) -> random.Random:
    """Return the random stream of this name, as it is at the beginning of a run."""
    stream = random.Random(f"{name} {seed}")  # noqa: S311 - replayable on purpose
    for branch in branches:
        if branch.stream == name and branch.change == 0:
            _branch_off(stream, branch, seed)
    return stream


def _branch_off(stream: random.Random, branch: Branch, seed: int) -> None:
    stream.seed(f"{branch.stream} {seed} {branch.variant}")


@define
class Streams:
    """The streams of one run."""

    seed: int
    branches: Sequence[Branch] = ()
    _named: dict[str, list[random.Random]] = field(factory=dict)

    def __call__(self, name: str) -> random.Random:
        """Return a stream of this name."""
        stream = stream_of(name, self.seed, self.branches)
        self._named.setdefault(name, []).append(stream)
        return stream

    def after_change(self, number: int) -> None:
        """Let the streams that have a branch here decide otherwise from now on."""
        for branch in self.branches:
            if branch.change == number:
                for stream in self._named.get(branch.stream, ()):
                    _branch_off(stream, branch, self.seed)
